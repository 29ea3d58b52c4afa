"""Random and nasty values of every type, as their text is typed in: the same ones of each seed.

Each column has a generator of one value: generator(random, target) for the target "postgres", "clickhouse", "flat" or
"debezium", which leaves out what that one is documented not to hold (docs/types.md, "Values at the edge").
"""
import ipaddress
import json
import random
import struct
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Callable

NASTY = ["", " ", "\\", "\\N", "NULL", "null", "{}", "{", "}", "\"", "'", ",", "\t", "\n", "\r\n", "\x01\x1f\x7f", "\\x00", "a\\", "[0:1]={1}", "(", "()",
         "\ufeff", "\ufffd", "\U0010ffff", "e\u0301", "ﬁ", "\u2028", "İ", "__debezium_unavailable_value", "$1", "%s", "--", "/*", "\x80\x9f", "-0", "NaN", "🚀🚀"]
JULIAN = 1721425  # the Julian day of Python's day 0
FIRST, LAST = date(1900, 1, 1).toordinal() + JULIAN, date(2299, 12, 31).toordinal() + JULIAN


def text(r, _=None, most=24):
    kind = r.randrange(6)
    if kind < 2:
        return r.choice(NASTY)
    if kind == 2:
        return "".join(r.choice(NASTY) for _ in range(r.randrange(1, 4)))
    alphabet = (0x20, 0x7F) if kind == 3 else (0xA0, 0x3000) if kind == 4 else (0xE000, 0x110000)
    return "".join(chr(r.randrange(*alphabet)) for _ in range(r.randrange(most)))


def words(r, _=None):
    return "".join(r.choice("abcXYZ019_éß人") for _ in range(r.randrange(1, 9)))


def short(most):
    return lambda r, _=None: text(r)[:most]


def name(r, _=None):
    return text(r).encode()[:60].decode(errors="ignore")


def integer(bits, signed=True):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return lambda r, _=None: str(r.choice([low, high, 0, 1, low + 1, high - 1, r.randint(low, high), r.randint(max(low, -9), 9)]))


def floating(form):
    size, bits = struct.calcsize(form), "I" if form == "f" else "Q"
    special = ["NaN", "Infinity", "-Infinity", "-0", "0", "1", "0.1", "1e-5", "123456.789"]

    def generate(r, _=None):
        if r.randrange(4) == 0:
            return r.choice(special + (["1e-45", "-3.4028235e38"] if form == "f" else ["5e-324", "1.7976931348623157e308"]))
        value = struct.unpack(form, struct.pack(bits, r.getrandbits(8 * size)))[0]
        return repr(value).replace("inf", "Infinity").replace("nan", "NaN")
    return generate


def fixed(precision, scale, nan=True):
    def generate(r, target):
        if nan and target in ("postgres", "flat") and r.randrange(20) == 0:
            return "NaN"
        digits = r.choice([r.randrange(10 ** precision), 10 ** precision - 1, 0, 1, r.randrange(1000) % 10 ** precision])
        sign = r.choice(["", "-"])
        if scale <= 0:
            return f"{sign}{digits * 10 ** -scale}"
        whole = str(digits).rjust(scale + 1, "0")
        return f"{sign}{whole[:-scale]}.{whole[-scale:]}"
    return generate


def numeric(r, target):
    if target != "debezium" and r.randrange(10) == 0:
        return r.choice(["NaN", "Infinity", "-Infinity", "1.500", "0.000", "100", "1e5", "1e-20"])
    whole = str(r.randrange(10 ** r.choice([1, 5, 20, 200])))
    fraction = "".join(r.choice("0123456789") for _ in range(r.choice([0, 0, 1, 7, 150])))
    if target == "debezium":  # its decimals have no zeros at the end
        fraction = fraction.rstrip("0")
    return r.choice(["", "-"]) + whole + ("." + fraction if fraction else "")


def day(r, target):
    if target == "clickhouse":
        return f"J{r.choice([FIRST, LAST, r.randint(FIRST, LAST)])}"
    return r.choice(["infinity", "-infinity", "J0", "J2147483493", f"J{r.randrange(2147483494)}", f"J{r.randint(FIRST, LAST)}"])


def clock(r, _=None, digits=6):
    fraction = r.choice(["", "." + str(r.randrange(10 ** digits)).rjust(digits, "0")]) if digits else ""
    return r.choice(["00:00:00", f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}{fraction}"])


def time(digits=6):
    return lambda r, _=None: r.choice(["24:00:00", *[clock(r, None, digits)] * 9])


def moment(digits=6, zone=""):
    def generate(r, target):
        if target == "clickhouse":
            return f"J{r.randint(FIRST, LAST)} {clock(r, None, digits)}{zone}"
        if r.randrange(8) == 0:
            return r.choice(["infinity", "-infinity"])
        return f"J{r.choice([r.randint(FIRST, LAST), r.randrange(1, 109190000)])} {clock(r, None, digits)}{zone}"
    return generate


def zoned_time(r, target):
    if target == "debezium":
        return clock(r) + "+00"
    return clock(r) + r.choice(["+00", "-15:59", "+15:59:59", "+05:30", "-00:00:01"])


def interval(r, target):
    span = f"{r.choice(['', '-'])}{r.choice([0, 1, 25, r.randrange(10 ** 6)])}:{r.randrange(60):02}:{r.randrange(60):02}.{r.randrange(10 ** 6):06}"
    if target == "debezium":
        return span
    if r.randrange(6) == 0:
        return r.choice(["178956970 years 7 mons", "-178956970 years -8 mons", "2147483647 days", "-2147483648 days", "2562047788:00:54.775807",
                         "-2562047788:00:54.775807", "1 mon -1 day 00:00:01", "-1 mon +1 day -00:00:00.000001", "0", "-1 years -2 mons +3 days -04:05:06.7"])
    return f"{r.randint(-9999, 9999)} years {r.randint(-11, 11)} mons {r.randint(-40, 40)} days {span}"


def document(r, depth=0):
    kind = r.randrange(7 if depth < 3 else 4)
    if kind == 0:
        return json.dumps(text(r).replace("\x00", ""), ensure_ascii=r.random() < 0.5)
    if kind == 1:
        return r.choice(["null", "true", "false", "-0", "1.10", "1e400" if depth else "1", "123456789012345678901234567890.5", "0.0000001", "\"\\u00e9\\n\""])
    if kind < 4:
        return str(r.randint(-10 ** 12, 10 ** 12))
    space = r.choice(["", " ", "\n", "  "])
    parts = [document(r, depth + 1) for _ in range(r.randrange(4))]
    if kind == 4:
        return "[" + f",{space}".join(parts) + "]"
    return "{" + f",{space}".join(f"{json.dumps(words(r))}:{space}{part}" for part in parts) + "}"


def of(*choices):
    return lambda r, _=None: r.choice(choices)


def xml(r, target):
    # Postgres's output leaves out a newline that a value begins with: of a second one that of whoever reads it does.
    inner = text(r).lstrip("\n") if target in ("postgres", "debezium") else text(r)
    inner = "".join(c for c in inner if c in "\t\n" or " " <= c and c not in "\ufffe\uffff" and not "\x7f" <= c <= "\x9f")
    escaped = inner.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return r.choice(["", "x", f"<a b=\"1\">{escaped}</a>", f"{escaped}<a/><b/>", f"<![CDATA[{escaped}]]>".replace("]]]]>", "]]>"), "<?xml version=\"1.1\"?><a/>"])


def bits(low, high, first=None):
    def generate(r, target):
        length = r.randint(low, high)
        if target == "debezium" and low != high:  # a length is lost there
            return "1" + "".join(r.choice("01") for _ in range(length))[1:]
        return "".join(r.choice("01") for _ in range(length))
    return generate


def inet(r, _=None):
    wide = r.random() < 0.5
    most = 128 if wide else 32
    address = (ipaddress.IPv6Address if wide else ipaddress.IPv4Address)(r.getrandbits(most))
    return r.choice([f"{address}", f"{address}/{r.randrange(most + 1)}"])


def cidr(r, _=None):
    wide = r.random() < 0.5
    most = 128 if wide else 32
    kept = r.randrange(most + 1)
    return str((ipaddress.IPv6Network if wide else ipaddress.IPv4Network)((r.getrandbits(most) >> most - kept << most - kept, kept)))


def mac(count):
    return lambda r, _=None: ":".join(f"{r.randrange(256):02x}" for _ in range(count))


number = floating("d")


def finite(r, _=None):
    return r.choice([str(r.randint(-9, 9)), repr(r.uniform(-1e6, 1e6)), repr(r.uniform(-1, 1) * 10 ** r.randrange(-20, 20))])


def point(r, target):
    return f"({number(r)},{number(r)})" if target != "debezium" else f"({finite(r)},{finite(r)})"


def points(low, begin, end):
    def generate(r, _=None):
        left, right = r.choice(list(zip(begin, end)))
        return left + ",".join(f"({finite(r)},{finite(r)})" for _ in range(r.randint(low, 5))) + right
    return generate


def quote_lexeme(word):
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def tsvector(r, _=None):
    weight = lambda: f"{r.randrange(1, 16384)}{r.choice(['', 'A', 'B', 'C'])}"
    return " ".join(quote_lexeme(words(r) + r.choice(["", "'", "\\", " ", ":"])) + r.choice(["", ":" + ",".join(weight() for _ in range(3))]) for _ in range(r.randrange(5)))


def tsquery(r, _=None):
    one = lambda: r.choice(["", "!"]) + quote_lexeme(words(r) + r.choice(["", "'", "\\"])) + r.choice(["", ":A", ":*", ":*BD"])
    out = one()
    for _ in range(r.randrange(4)):
        out = r.choice([f"{out} & {one()}", f"({out}) | {one()}", f"{out} <-> {one()}", f"{out} <3> {one()}"])
    return out


def span(bound):
    """A range: canonical or not, its bounds in order or empty."""
    def generate(r, target):
        low, high = sorted([bound(r), bound(r)])
        low, high = (shown(low) for low in (low, high))
        kind = r.randrange(8)
        if kind == 0:
            return "empty"
        return r.choice("[(") + (low if kind != 1 else "") + "," + (high if kind != 2 else "") + r.choice("])")
    shown = lambda part: part if isinstance(part, str) else '"' + part[1] + '"' if isinstance(part, tuple) else str(part)
    return generate


def spans(bound):
    one = span(bound)
    return lambda r, target: "{" + ",".join(one(r, target) for _ in range(r.randrange(4))) + "}"


def julian(clocked):
    def bound(r):
        number = r.randint(FIRST, LAST)
        return number, f"J{number}" + (f" {clock(r)}" if clocked else "")
    return bound


def whole_bound(r):
    return r.randint(-10 ** 9, 10 ** 9)


def snapshot(top):
    def generate(r, _=None):
        low = r.randrange(1, top)
        running = sorted({low + r.randrange(1, 1000) for _ in range(r.randrange(4))})
        return f"{low}:{low + 1000}:{','.join(map(str, running))}"
    return generate


def element(value):
    return "NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def many(generate, delimiter=",", plain=False):
    """Arrays. `plain`: the target that does not take them apart, True for all but debezium, "all": any shape arrives there."""
    def array(r, target):
        whole = target == "postgres" or plain in ("all", target) or (plain is True and (target != "debezium" or delimiter != ","))
        item = lambda: element(None if r.randrange(7) == 0 else generate(r, target))
        row = lambda count: "{" + delimiter.join(item() for _ in range(count)) + "}"
        kind = r.randrange(8)
        if kind == 0 or (kind > 5 and target == "clickhouse" and not whole):
            return r.choice(["{}", "{NULL}"])
        if kind == 6:
            width = r.randrange(1, 4)
            return "{" + delimiter.join(row(width) for _ in range(r.randrange(1, 4))) + "}"
        if kind == 7 and whole:
            low = r.choice([0, -3, 2, 2147483640])
            return f"[{low}:{low + 2}]={row(3)}" if r.random() < 0.5 else f"[{low}:{low}][-1:1]={{{row(3)}}}"
        return row(r.randrange(1, 6))
    return array


def row(*fields):
    """A composite."""
    def generate(r, target):
        parts = [None if r.randrange(7) == 0 else field(r, target) for field in fields]
        return "(" + ",".join("" if part is None else '"' + part.replace("\\", "\\\\").replace('"', '""') + '"' for part in parts) + ")"
    return generate


def book(prefix, length):
    """A number of the digits and its check digit."""
    def generate(r, _=None):
        digits = prefix + "".join(r.choice("0123456789") for _ in range(length - len(prefix)))
        return digits + str(-sum(int(c) * (3 if place % 2 else 1) for place, c in enumerate(digits)) % 10)
    return generate


def hstore(r, _=None):
    quoted = lambda part: '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ", ".join(f"{quoted(text(r))}=>{r.choice(['NULL', quoted(text(r))])}" for _ in range(r.randrange(4)))


def label(r, _=None):
    return "".join(r.choice("abcXYZ019_") for _ in range(r.randrange(1, 9)))


def ltree(r, _=None):
    return ".".join(label(r) for _ in range(r.randrange(5)))


def geometry(srid):
    def generate(r, _=None):
        pair = lambda: f"{finite(r)} {finite(r)}" if not srid else f"{r.uniform(-180, 180)!r} {r.uniform(-90, 90)!r}"
        ring = f"{(first := pair())},{pair()},{pair()},{first}"
        return (f"SRID={srid};" if srid else r.choice(["", "SRID=4326;"])) + r.choice([
            f"POINT({pair()})", "POINT EMPTY", f"LINESTRING({pair()},{pair()})", f"POLYGON(({ring}))", f"MULTIPOINT({pair()},{pair()})",
            f"POINT Z({pair()} 3)", f"POINT ZM({pair()} 3 4)", f"GEOMETRYCOLLECTION(POINT({pair()}),LINESTRING({pair()},{pair()}))"])
    return generate


def acl(r, _=None):
    rights = "".join(right + r.choice(["", "*"]) for right in "arwdDxtXUCTc" if r.random() < 0.5)
    return f"{r.choice(['postgres', 'pg_monitor'])}={rights}/postgres"


moods = ["fine", "so, so", "", "\"quoted\"", "a'b", "人", "NULL"]
mood = of(*moods)
price = fixed(10, 2, nan=False)
pair = row(integer(32), text)

OWN_TYPES = """CREATE TYPE mood AS ENUM (%s); CREATE TYPE pair AS (n integer, t text);
  CREATE TYPE nest AS (p pair, ds date[], m mood); CREATE DOMAIN price AS numeric(10,2); CREATE DOMAIN cheap AS price CHECK (VALUE IS NULL OR VALUE < 1e9);
  CREATE DOMAIN numbers AS integer[]; CREATE DOMAIN always AS integer NOT NULL; CREATE DOMAIN moment AS timestamptz; CREATE TYPE floatrange AS RANGE (subtype = float8);
  CREATE TYPE deep AS (n nest, ps pair[]);
""" % ", ".join("'" + one.replace("'", "''") + "'" for one in moods)
EXTENSIONS = ["hstore", "citext", "ltree", "isn", "cube", "seg", "intarray", "postgis"]


@dataclass
class Kind:
    column: str
    type: str
    generate: Callable
    nullable: bool = True


def kinds(*given):
    return [Kind(column, *rest) for column, *rest in given]


BINARY = kinds(
    ("b", "boolean", of("t", "f")), ("i2", "smallint", integer(16)), ("i4", "integer", integer(32)), ("i8", "bigint", integer(64)),
    ("f4", "real", floating("f")), ("f8", "double precision", floating("d")), ("n", "numeric", numeric), ("n38", "numeric(38,9)", fixed(38, 9)),
    ("n76", "numeric(76,38)", fixed(76, 38)), ("n9", "numeric(9,0)", fixed(9, 0)), ("n18", "numeric(18,18)", fixed(18, 18)), ("nneg", "numeric(5,-3)", fixed(5, -3)),
    ("nsub", "numeric(2,5)", fixed(2, 5)), ("n100", "numeric(100,50)", fixed(100, 50)), ("t", "text", text), ("v", "varchar(20)", short(20)), ("c", "char(5)", short(5)),
    ("nm", "name", name), ("by", "bytea", lambda r, _: "\\x" + r.randbytes(r.randrange(20)).hex()), ("u", "uuid", lambda r, _: str(uuid.UUID(int=r.getrandbits(128)))),
    ("d", "date", day), ("ti", "time", time()), ("ti3", "time(3)", time(3)), ("ts", "timestamp", moment()), ("ts3", "timestamp(3)", moment(3)),
    ("tz", "timestamptz", moment(zone="+00")), ("tz0", "timestamptz(0)", moment(0, "+00")), ("ttz", "timetz", zoned_time), ("j", "json", lambda r, _: document(r)),
    ("jb", "jsonb", lambda r, _: document(r)), ("o", "oid", integer(32, False)),
    ("ab", "boolean[]", many(of("t", "f"))), ("ai2", "smallint[]", many(integer(16))), ("ai4", "integer[]", many(integer(32))), ("ai8", "bigint[]", many(integer(64))),
    ("af4", "real[]", many(floating("f"))), ("af8", "double precision[]", many(floating("d"))), ("an", "numeric[]", many(numeric)), ("an20", "numeric(20,5)[]", many(fixed(20, 5))),
    ("at", "text[]", many(text)), ("av", "varchar(9)[]", many(short(9))), ("ac", "char(3)[]", many(short(3))), ("anm", "name[]", many(name)),
    ("aby", "bytea[]", many(lambda r, _: "\\x" + r.randbytes(r.randrange(9)).hex())), ("au", "uuid[]", many(lambda r, _: str(uuid.UUID(int=r.getrandbits(128))))),
    ("ad", "date[]", many(day)), ("ati", "time[]", many(time())), ("ats", "timestamp[]", many(moment())), ("atz", "timestamptz[]", many(moment(zone="+00"))),
    ("attz", "timetz[]", many(zoned_time)), ("aj", "json[]", many(lambda r, _: document(r))), ("ajb", "jsonb[]", many(lambda r, _: document(r))),
    ("ao", "oid[]", many(integer(32, False))))

CAST = kinds(
    ("iv", "interval", interval), ("aiv", "interval[]", many(interval)), ("pt", "point", point), ("ln", "line", lambda r, _: "{" + f"{r.randint(1, 9)},{finite(r)},{finite(r)}" + "}"),
    ("ls", "lseg", lambda r, _: f"[({finite(r)},{finite(r)}),({finite(r)},{finite(r)})]"), ("bx", "box", lambda r, _: f"({finite(r)},{finite(r)}),({finite(r)},{finite(r)})"),
    ("pa", "path", points(1, "[(", "])")), ("pg", "polygon", points(1, "(", ")")), ("ci", "circle", lambda r, _: f"<({finite(r)},{finite(r)}),{abs(float(finite(r)))!r}>"),
    ("m6", "macaddr", mac(6)), ("m8", "macaddr8", mac(8)), ("b12", "bit(12)", bits(12, 12)), ("b1", "bit(1)", bits(1, 1)), ("vb", "bit varying(70)", bits(1, 70)),
    ("lsn", "pg_lsn", lambda r, _: f"{r.getrandbits(32):X}/{r.getrandbits(32):X}"), ("tv", "tsvector", tsvector), ("tq", "tsquery", tsquery),
    ("r4", "int4range", span(whole_bound)), ("r8", "int8range", span(whole_bound)), ("rn", "numrange", span(lambda r: round(r.uniform(-1e6, 1e6), 3))),
    ("rd", "daterange", span(julian(False))), ("rts", "tsrange", span(julian(True))), ("rtz", "tstzrange", span(julian(True))))

REST = kinds(
    ("ch", '"char"', lambda r, _: r.choice(["", "a", "\x7f", "'", ",", chr(r.randrange(1, 127))])), ("m", "money", lambda r, _: str(r.choice([0, -1, 1]) or r.randrange(10 ** 16)) + f".{r.randrange(100):02}"),
    ("x", "xml", xml), ("jp", "jsonpath", of("$", "strict $.a[*]?(@.b > 1.5)", "lax $.\"k\\\"\".**{2 to last}.type()", "$.a + 1", "$[0 to 3]", "$.x ? (@ like_regex \"^a\" flag \"i\")")),
    ("ip", "inet", inet), ("net", "cidr", cidr), ("xid", "xid", integer(32, False)), ("xid8", "xid8", integer(64, False)), ("cid", "cid", integer(32, False)),
    ("tid", "tid", lambda r, _: f"({r.getrandbits(32)},{r.getrandbits(16)})"), ("snap", "pg_snapshot", snapshot(1 << 62)), ("tsnap", "txid_snapshot", snapshot(1 << 62)),
    ("iv2", "int2vector", lambda r, _: " ".join(str(r.randint(-32768, 32767)) for _ in range(r.randrange(5)))),
    ("ov", "oidvector", lambda r, _: " ".join(str(r.getrandbits(32)) for _ in range(r.randrange(5)))),
    ("rcl", "regclass", of("pg_class", "pg_type", "information_schema.tables", "-", "4000000000")), ("rty", "regtype", of("integer", "timestamp with time zone", "text[]", "-", "\"char\"")),
    ("rpr", "regproc", of("now", "version", "-")), ("rpd", "regprocedure", of("abs(integer)", "now()", "-")), ("rop", "regoper", of("pg_catalog.||/", "0")),
    ("ropr", "regoperator", of("+(integer,integer)", "!!(NONE,tsquery)", "0")), ("rns", "regnamespace", of("pg_catalog", "public", "-")),
    ("rro", "regrole", of("postgres", "pg_monitor", "-")), ("rco", "regcollation", of('"C"', '"POSIX"', "-")), ("rcf", "regconfig", of("simple", "english", "-")),
    ("rdi", "regdictionary", of("simple", "-")), ("rc", "refcursor", text), ("acl", "aclitem", acl),
    ("mr4", "int4multirange", spans(whole_bound)), ("mr8", "int8multirange", spans(whole_bound)), ("mrn", "nummultirange", spans(lambda r: round(r.uniform(-1e6, 1e6), 3))),
    ("mrd", "datemultirange", spans(julian(False))), ("mrts", "tsmultirange", spans(julian(True))), ("mrtz", "tstzmultirange", spans(julian(True))),
    ("rf", "floatrange", span(lambda r: float(finite(r)))), ("mo", "mood", mood), ("pr", "price", price), ("chp", "cheap", fixed(8, 2, nan=False)),
    ("nums", "numbers", many(integer(32), plain="clickhouse")), ("alw", "always", integer(32), False), ("mom", "moment", moment(zone="+00")), ("cp", "pair", pair),
    ("ne", "nest", row(pair, many(day, plain="all"), mood)), ("de", "deep", row(row(pair, many(day, plain="all"), mood), many(pair, plain="all"))),
    ("aip", "inet[]", many(inet, plain=True)), ("amo", "mood[]", many(mood, plain=True)), ("acp", "pair[]", many(pair, plain=True)), ("apr", "price[]", many(price, plain=True)),
    ("am", "money[]", many(lambda r, _: f"{r.randrange(10 ** 9)}.{r.randrange(100):02}", plain=True)), ("abx", "box[]", many(lambda r, _: f"({finite(r)},{finite(r)}),({finite(r)},{finite(r)})", ";", True)),
    ("ar4", "int4range[]", many(span(whole_bound), plain=True)), ("ach", '"char"[]', many(lambda r, _: chr(r.randrange(33, 127)))), ("abit", "bit(3)[]", many(bits(3, 3), plain=True)),
    ("ax", "xml[]", many(xml, plain=True)), ("arc", "regclass[]", many(of("pg_class", "-"), plain=True)),
    ("hs", "hstore", hstore), ("cit", "citext", text), ("lt", "ltree", ltree), ("lq", "lquery", of("*.a.!b|c*@.*{1,2}", "a", "*{2}.b")), ("ltq", "ltxtquery", of("a & b*@", "!(a | b)")),
    ("isbn", "isbn13", book("978", 12)), ("ean", "ean13", book("4", 12)), ("cu", "cube", lambda r, _: f"({finite(r)}, {finite(r)}),({finite(r)}, {finite(r)})"),
    ("sg", "seg", of("1", "1.50 .. 2", "<5", "~3.0", "1 ..")), ("qi", "query_int", of("1 & (2 | !3)", "7")), ("ahs", "hstore[]", many(hstore, plain=True)), ("alt", "ltree[]", many(ltree, plain=True)),
    ("geo", "geometry", geometry(0)), ("gpt", "geometry(Point,4326)", lambda r, _: f"SRID=4326;POINT({r.uniform(-180, 180)!r} {r.uniform(-90, 90)!r})"), ("geog", "geography", geometry(4326)),
    ("ageo", "geometry[]", many(lambda r, target: geometry(0)(r), ":", True)), ("b2", "box2d", lambda r, _: f"BOX({r.randint(-9, 0)} {r.randint(-9, 0)},{r.randint(1, 9)} {r.randint(1, 9)})"),
    ("b3", "box3d", lambda r, _: f"BOX3D({r.randint(-9, 0)} {r.randint(-9, 0)} 0,{r.randint(1, 9)} {r.randint(1, 9)} 5)"))

# Where ClickHouse has another type: what it would merge or refuse is text there. Beside the id, so that all values may come.
KEYED = kinds(
    ("f4", "real", floating("f"), False), ("f8", "double precision", floating("d"), False), ("n", "numeric", numeric, False), ("n38", "numeric(38,9)", fixed(38, 9), False),
    ("d", "date", lambda r, target: day(r, "flat" if target == "clickhouse" else target), False),
    ("ts", "timestamp", lambda r, target: moment()(r, "flat" if target == "clickhouse" else target), False),
    ("tz", "timestamptz", lambda r, target: moment(zone="+00")(r, "flat" if target == "clickhouse" else target), False), ("t", "text", text, False), ("c", "char(5)", short(5), False),
    ("by", "bytea", lambda r, _: "\\x" + r.randbytes(r.randrange(20)).hex(), False), ("ai4", "integer[]", many(integer(32), plain="clickhouse"), False), ("b", "boolean", of("t", "f"), False),
    ("at", "text[]", many(text, plain="clickhouse"), False), ("ip", "inet", inet, False), ("u", "uuid", lambda r, _: str(uuid.UUID(int=r.getrandbits(128))), False))

TABLES = {"binaries": BINARY, "casts": CAST, "rest": REST, "keyed": KEYED}


def copy_field(value):
    if value is None:
        return "\\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def lines(table, target, first, count, seed=0):
    """Rows for COPY. A value is that of its type, target and id alone, whatever else the table has."""
    randoms = [random.Random(f"{kind.type} {kind.column} {target} {first} {seed}") for kind in TABLES[table]]
    for number in range(first, first + count):
        cells = [None if kind.nullable and r.randrange(25) == 0 else kind.generate(r, target) for kind, r in zip(TABLES[table], randoms)]
        yield "\t".join([str(number), *map(copy_field, cells)]) + "\n"


def statement(table):
    columns = ", ".join(f"{kind.column} {kind.type}" for kind in TABLES[table])
    key = ", ".join(["id", *(kind.column for kind in TABLES[table])] if table == "keyed" else ["id"])
    return f"CREATE TABLE public.{table} (id integer, {columns}, PRIMARY KEY ({key}))"
