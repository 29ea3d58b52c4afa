"""Debezium's messages, as the documentation of its Postgres connector has them: the envelope held against it, and values turned back
into Postgres's text. Written from the documentation and from the connector's converters, not from peerd's encoder."""
import base64
import hashlib
import json
import re
import uuid

UNAVAILABLE = "__debezium_unavailable_value"
OPERATIONS = {"c": "insert", "u": "update", "d": "delete", "r": "read", "t": "truncate", "m": "horizon"}
ENVELOPE = ["before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns"]
EVENT = ["op", "ts_ms", "ts_us", "ts_ns", "source", "transaction", "message"]
SOURCE = ["version", "connector", "name", "ts_ms", "snapshot", "db", "sequence", "ts_us", "ts_ns", "schema", "table", "txId", "lsn", "xmin"]
DAY = 86_400_000_000
JULIAN = 2_440_588  # of 1970-01-01
INFINITE_TIMESTAMPS = {9223372036825200000: "infinity", -9223372036832400000: "-infinity"}
INFINITE_DATES = {-2147472692: "infinity", -2147472691: "-infinity"}


def faults(body, mirror, transaction):
    """What is not as the connector would send it: the envelope's parts, their order, and what says the same in two places."""
    found = []
    want = lambda what, fine: None if fine else found.append(what)
    op, source = body.get("op"), body.get("source") or {}
    want("parts", list(body) == (EVENT if op == "m" else ENVELOPE))
    want("parts of source", list(source) == SOURCE)
    if found:
        return found
    for where in (body, source):
        times = [int(where[name]) for name in ("ts_ms", "ts_us", "ts_ns")]
        want("times", times[0] > 1_600_000_000_000 and times[1] // 1000 == times[0] and times[2] // 1000 == times[1])
    want("connector", source["connector"] == "postgresql" and source["name"] == mirror and source["xmin"] is None)
    want("transaction", body["transaction"] is None and source["txId"] == (str(transaction) if transaction else None))
    want("snapshot", source["snapshot"] == ("true" if op == "r" else "false"))
    own = json.loads(source["sequence"])[1]
    want("sequence", own == source["lsn"])
    if op != "m":
        want("before", body["before"] is not None if op == "d" else op == "u" or body["before"] is None)
        want("after", (body["after"] is not None) == (op in "cur"))
    return found


def holds_unavailable(value):
    """Whether it is what Debezium puts in the place of a value that it has not got, whatever the column's type: null where it has
    nothing of the type's form."""
    as_bytes, digest = UNAVAILABLE.encode(), bytearray(hashlib.md5(UNAVAILABLE.encode()).digest())
    digest[6], digest[8] = digest[6] & 0x0F | 0x30, digest[8] & 0x3F | 0x80
    texts = [UNAVAILABLE, base64.b64encode(as_bytes).decode()]
    return value in (None, *texts, *([text] for text in texts), [str(number) for number in as_bytes], [str(uuid.UUID(bytes=bytes(digest)))],
                     json.dumps({UNAVAILABLE: UNAVAILABLE}, separators=(",", ":")))


def decimal(value, scale):
    """The text of an unscaled number in base64."""
    unscaled = int.from_bytes(base64.b64decode(value, validate=True), "big", signed=True) * 10 ** max(-scale, 0)
    scale = max(scale, 0)
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    return ("-" if unscaled < 0 else "") + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)


def clock(microseconds):
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"


def zoned(text):
    """ISO 8601 with a year of any sign as Postgres reads it."""
    if text in INFINITE_DATES.values():
        return text
    year, rest = re.fullmatch(r"([+-]?\d{4,})(-\d\d-\d\dT.*Z)", text).groups()
    return f"{int(year):04}{rest}" if int(year) > 0 else f"{1 - int(year):04}{rest} BC"


def hstore(text):
    quoted = lambda part: '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ", ".join(f"{quoted(key)}=>{'NULL' if part is None else quoted(part)}" for key, part in json.loads(text).items())


def text_of(type_name, modifier, value):
    """Postgres's text of a value in Debezium's encoding; None where the encoding is that text. `modifier` is the column's."""
    if type_name == "numeric":
        if isinstance(value, dict):
            return decimal(value["value"], int(value["scale"]))
        return decimal(value, ((modifier - 4 & 0x7FF) ^ 1024) - 1024)
    if type_name == "money":
        return decimal(value, 2)
    if type_name == "date":
        return INFINITE_DATES.get(int(value)) or f"J{JULIAN + int(value)}"
    if type_name in ("timestamp", "time"):
        unit = 1000 if 0 <= modifier <= 3 else 1
        if type_name == "time":
            return clock(int(value) * unit)
        infinite = {number // unit if number > 0 else -(-number // unit): text for number, text in INFINITE_TIMESTAMPS.items()}
        days, rest = divmod(int(value) * unit, DAY)
        return infinite.get(int(value)) or f"J{JULIAN + days} {clock(rest)}"
    if type_name == "timestamptz":
        return zoned(value)
    if type_name == "interval":
        return f"{int(value)} microseconds"
    if type_name in ("bit", "varbit"):
        if isinstance(value, bool):
            return "1" if value else "0"
        bits = int.from_bytes(base64.b64decode(value, validate=True), "little")
        return f"{bits:b}".rjust(modifier if type_name == "bit" else 1, "0")
    if type_name == "point":
        assert list(value) == ["x", "y", "wkb", "srid"] and value["srid"] is None, value
        return f"({value['x'].removesuffix('.0')},{value['y'].removesuffix('.0')})"
    if type_name == "hstore":
        return hstore(value)
    return None
