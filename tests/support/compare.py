"""Contents compared row by row: a source table with its copy in Postgres or ClickHouse.

Both sides are asked for one line per row, every column in a normal text form that does not depend on the server's
formatting, ordered by the key's text. Equal files mean equal tables; otherwise the first differing rows are shown.
Long values are compared by their MD5. A column's order of duplicates cannot matter: keys are unique at the source, and
a key that stands twice at the target is a difference.
"""
import contextlib
import filecmp
import os
import re
import tempfile
from collections import Counter

FLOATS = {"float4": ("UInt32", 8), "float8": ("UInt64", 16)}
LONG = 120  # bytes from which on the MD5 stands for a text


class Column:
    def __init__(self, name, type_name, element, key):
        self.name, self.type, self.element, self.key = name, type_name, element, key


def columns_of(server, table, dbname, exclude=()):
    """The table's columns in order. `element` is the element type of an array, else ''."""
    rows = server.sql(
        """SELECT a.attname, t.typname, coalesce(e.typname, ''), coalesce(a.attnum = ANY (i.indkey), false)
             FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
             LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
             LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
            WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""",
        (quoted_table(table),), dbname)
    return [Column(*row) for row in rows if row[0] not in exclude]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def quoted_table(table):
    return ".".join(quoted(part) for part in table.split("."))


# --- one value in its normal form -----------------------------------------------------------------------------------------

def pg_value(type_name, x):
    """Postgres's expression for the normal text of a value of the type."""
    if type_name == "bool":
        return f"({x})::int::text"
    if type_name in FLOATS:
        return f"CASE WHEN {x} = 'NaN' THEN 'nan' ELSE encode({type_name}send({x}), 'hex') END"
    if type_name == "numeric":
        return f"trim_scale({x})::text"
    if type_name == "timestamp":
        return f"to_char({x}, 'YYYY-MM-DD HH24:MI:SS.US')"
    if type_name == "timestamptz":
        return f"to_char({x} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    if type_name == "time":
        return f"to_char({x}::interval, 'HH24:MI:SS.US')"
    if type_name == "bytea":
        return f"CASE WHEN length({x}) > {LONG} THEN 'md5:' || md5({x}) ELSE encode({x}, 'hex') END"
    if type_name in ("int2", "int4", "int8", "uuid", "date"):
        return f"({x})::text"
    # The type's own output: a cast to text would cut a char's blanks and give an inet its netmask.
    # Not IS NOT NULL: that is false of a row one of whose attributes is NULL.
    text = f"CASE WHEN {x} IS DISTINCT FROM NULL THEN format('%s', {x}) END"
    return (f"CASE WHEN octet_length({text}) > {LONG} THEN 'md5:' || md5({text}) "
            f"ELSE encode(convert_to({text}, 'UTF8'), 'hex') END")


def ch_value(type_name, x, stored):
    """ClickHouse's expression for the same; `stored` is the column's type there, without Nullable."""
    if type_name == "bool":
        return f"toString(toUInt8({x}))"
    if type_name in FLOATS:
        unsigned, width = FLOATS[type_name]
        return f"if(isNaN({x}), 'nan', leftPad(lower(hex(reinterpretAs{unsigned}({x}))), {width}, '0'))"
    if type_name == "numeric" and stored.startswith("String"):
        # The text of an unbounded numeric, its trailing zeros taken off.
        return (f"if(position({x}, '.') = 0, {x}, replaceRegexpOne(replaceRegexpOne({x}, '0+$', ''), '\\\\.$', ''))")
    if type_name in ("timestamp", "timestamptz") and stored.startswith("DateTime64"):
        return f"toString({x}, 'UTC')"
    if type_name in ("timestamp", "timestamptz"):  # a key: text, as Postgres writes it
        plain = f"replaceRegexpOne({x}, '\\\\+00$', '')"
        return f"if(length({plain}) = 19, concat({plain}, '.000000'), rightPad({plain}, 26, '0'))"
    if type_name == "time" and stored.startswith("String"):
        return f"if(position({x}, '.') = 0, concat({x}, '.000000'), rightPad({x}, 15, '0'))"
    if type_name == "bytea":
        return f"if(length({x}) > {LONG}, concat('md5:', lower(hex(MD5({x})))), lower(hex({x})))"
    if type_name in ("int2", "int4", "int8", "uuid", "date", "numeric", "time"):
        return f"toString({x})"
    return f"if(length({x}) > {LONG}, concat('md5:', lower(hex(MD5({x})))), lower(hex({x})))"


def pg_column(column):
    name = quoted(column.name)
    if column.element:
        value = f"coalesce({pg_value(column.element, 'e')}, 'NULL')"
        return (f"CASE WHEN {name} IS NULL THEN '[]' ELSE '[' || coalesce((SELECT string_agg({value}, ',' ORDER BY n) "
                f"FROM unnest({name}) WITH ORDINALITY AS u(e, n)), '') || ']' END")
    return pg_value(column.type, name)


def ch_column(column, stored):
    name = "`" + column.name + "`"
    plain = re.sub(r"^(?:Nullable|LowCardinality)\((.*)\)$", r"\1", stored)
    if column.element and stored.startswith("Array("):
        element = re.sub(r"^Nullable\((.*)\)$", r"\1", stored[len("Array("):-1])
        inner = ch_value(column.element, "assumeNotNull(e)", element)
        return f"concat('[', arrayStringConcat(arrayMap(e -> if(isNull(e), 'NULL', {inner}), {name}), ','), ']')"
    value = ch_value(column.type, f"assumeNotNull({name})", plain)
    return f"if(isNull({name}), NULL, {value})" if stored.startswith("Nullable") else value.replace(f"assumeNotNull({name})", name)


# --- whole tables ---------------------------------------------------------------------------------------------------------

def pg_own_text(column):
    text = f"{quoted(column.name)}::text"
    return f"CASE WHEN octet_length({text}) > {LONG} THEN 'md5:' || md5({text}) ELSE {text} END"


def dump_postgres(server, table, columns, path, dbname="postgres", where="true", raw=False):
    """Writes the table's rows to the file. `raw`: the server's own text, for Postgres against Postgres."""
    convert = pg_own_text if raw else pg_column
    keys = [column for column in columns if column.key] or columns
    order = ", ".join(f'({convert(column)}) COLLATE "C"' for column in keys)
    statement = (f"COPY (SELECT {', '.join(convert(column) for column in columns)} FROM {quoted_table(table)} "
                 f"WHERE {where} ORDER BY {order}) TO STDOUT")
    with contextlib.closing(server.connect(dbname)) as connection, connection.cursor() as cursor, open(path, "wb") as file:
        cursor.execute("SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; "
                       "SET extra_float_digits = 1; SET bytea_output = 'hex'; SET work_mem = '256MB'")
        cursor.copy_expert(statement, file)


def dump_clickhouse(server, table, columns, path, database, where="1"):
    stored = {row["name"]: row["type"] for row in server.rows(f"DESCRIBE TABLE `{table}`", database)}
    for column in columns:
        if column.name not in stored:
            raise AssertionError(f"ClickHouse's {table} has no column {column.name}; it has {sorted(stored)}")
    convert = lambda column: ch_column(column, stored[column.name])
    # Plain columns in WHERE and ORDER BY, whatever the output columns are called.
    outputs = ", ".join(f"{convert(column)} AS c{number}" for number, column in enumerate(columns))
    keyed = any(column.key for column in columns)
    order = ", ".join(f"c{number}" for number, column in enumerate(columns) if column.key or not keyed)
    statement = f"SELECT {outputs} FROM `{table}` FINAL WHERE {where} ORDER BY {order} FORMAT TSV"
    with server.open(statement, database, {"output_format_decimal_trailing_zeros": 0}, timeout=300) as answer:
        with open(path, "wb") as file:
            while block := answer.read(1 << 20):
                file.write(block)


def first_differences(left, right, limit=10):
    """The first differing lines of two sorted dumps, as text. Lines are matched as multisets."""
    shown, only_left, only_right = [], 0, 0
    with open(left, "rb") as a, open(right, "rb") as b:
        counts = Counter(a)
        counts.subtract(b)
    for line, count in sorted(item for item in counts.items() if item[1]):
        only_left, only_right = only_left + max(count, 0), only_right + max(-count, 0)
        if len(shown) < limit:
            shown.append(f"  {'missing at target' if count > 0 else 'only at target'} x{abs(count)}: {line[:300]!r}")
    return f"{only_left} rows missing at the target, {only_right} rows only there\n" + "\n".join(shown)


def _compare(label, dump_left, dump_right):
    with tempfile.TemporaryDirectory(prefix="peerd-compare-", dir="/tmp") as directory:
        left, right = f"{directory}/source", f"{directory}/target"
        dump_left(left)
        dump_right(right)
        with open(left, "rb") as file:
            rows = sum(1 for _ in file)
        if not filecmp.cmp(left, right, shallow=False):
            difference = first_differences(left, right)
            if not difference.startswith("0 rows missing at the target, 0 rows only"):
                if os.environ.get("PEERD_TEST_KEEP"):
                    os.system(f"cp {left} /tmp/peerd-difference-source; cp {right} /tmp/peerd-difference-target")
                raise AssertionError(f"{label} differ: {difference}")
        return rows


def compare_postgres(source, table, target, target_table=None, source_db="postgres", target_db="postgres", exclude=(),
                     where="true", live=None):
    """Source against a Postgres target. `live` is the target's condition for live rows. Returns the number of rows."""
    columns = columns_of(source, table, source_db, exclude)
    return _compare(f"{table} and its Postgres copy",
                    lambda path: dump_postgres(source, table, columns, path, source_db, where, raw=True),
                    lambda path: dump_postgres(target, target_table or table, columns, path, target_db, f"({live or 'true'}) AND ({where})", raw=True))


def compare_clickhouse(source, table, target, target_table, database, source_db="postgres", exclude=(), where="true",
                       live="1"):
    """Source against a ClickHouse target. Returns the number of rows."""
    columns = columns_of(source, table, source_db, exclude)
    return _compare(f"{table} and its ClickHouse copy",
                    lambda path: dump_postgres(source, table, columns, path, source_db, where),
                    lambda path: dump_clickhouse(target, target_table, columns, path, database, live))
