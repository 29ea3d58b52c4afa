"""What tools ask of the SQL port before they show anything, and psql's backslash commands. The statements are those that the tools
send; what each must find is asserted where there is something to be found."""
import subprocess

import pytest

from support.peerd import PASSWORD, Peerd
from support.postgres_server import PostgresServer

VIEWS = {"peers", "mirrors", "mirror_tables", "mirror_patterns", "mirror_new_tables", "mirror_chunks", "mirror_batches", "mirror_logs", "alerts"}


@pytest.fixture(scope="module")
def peerd():
    made = Peerd()
    yield made
    made.terminate()


def rows(peerd, statement):
    with peerd.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def values(peerd, statement, column=0):
    return [row[column] for row in rows(peerd, statement)]


LISTS = [r"\d", r"\dv", r"\dv+", r"\d+", r"\dS"]
EMPTY = r"\dt \dt+ \di \dm \ds \dE \df \df+ \da \dT \dT+ \dD \do \dO \dc \dC \dp \z \ddp \dy \det \dew \des \deu \dx \dRp \dRs \drds \dF \dFd \dFp \dFt \dP \dA+ \db+".split()


def test_psql_lists_and_describes(peerd):
    def psql(*commands):
        arguments = [part for command in commands for part in ("-c", command)]
        return subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", f"host=127.0.0.1 port={peerd.ports['sql_port']} user=peerd password={PASSWORD}", *arguments],
                              capture_output=True, text=True, timeout=60)

    for command in LISTS:
        done = psql(command)
        assert done.returncode == 0 and all(view in done.stdout for view in VIEWS), (command, done)
    done = psql(*EMPTY)
    assert done.returncode == 0, done.stderr
    for command, words in {r"\l": ["peerd", "UTF8"], r"\l+": ["pg_default"], r"\du": ["peerd"], r"\du+": ["Role name"], r"\dg": ["peerd"], r"\dn": ["public"],
                           r"\dn+": ["public"], r"\db": ["pg_default"], r"\d mirrors": ['View "public.mirrors"', "created_at      | timestamp with time zone", "boolean"],
                           r"\d+ mirror_logs": ['View "public.mirror_logs"', "message"], r"\d mirror_*": ['"public.mirror_chunks"', '"public.mirror_tables"']}.items():
        done = psql(command)
        assert done.returncode == 0 and all(word in done.stdout for word in words), (command, done)


GRAFANA = """SELECT CASE WHEN quote_ident(table_schema) = ANY (
      SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
      FROM generate_series(array_lower(string_to_array(current_setting('search_path'),','),1),
                           array_upper(string_to_array(current_setting('search_path'),','),1)) as i,
           string_to_array(current_setting('search_path'),',') s)
    THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
  FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache')
  ORDER BY CASE WHEN quote_ident(table_schema) = 'public' THEN 0 ELSE 1 END, 1"""


def test_grafana_finds_tables_and_columns(peerd):
    assert values(peerd, "SELECT current_setting('server_version_num')::int/100") == [1400]
    assert values(peerd, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'") == []
    assert set(values(peerd, GRAFANA)) == VIEWS
    columns = values(peerd, """SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
      WHERE quote_ident(table_name) = 'mirrors' ORDER BY ordinal_position""")
    assert "applied_lsn" in columns and "lag_bytes" in columns


DBEAVER = [
    "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE 1 = 1 AND datallowconn AND NOT datistemplate OR db.datname ='peerd' ORDER BY db.datname",
    "select * from pg_catalog.pg_settings where name='standard_conforming_strings'",
    "select string_agg(word, ',' ) from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,absolute}'::text[])",
    "SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass ORDER BY nspname",
    "SELECT n.nspname = ANY(current_schemas(true)), n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid WHERE t.oid = 1043",
    "SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description FROM pg_catalog.pg_type t"
    " LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid"
    " WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C')",
    "SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key FROM pg_catalog.pg_class c"
    " LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass WHERE c.relnamespace=2200 AND c.relkind not in ('i','I','c')",
    "SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)"
    " LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum) LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)"
    " LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid"
    " WHERE NOT a.attisdropped AND c.oid='mirrors'::regclass ORDER BY a.attnum",
    "select c.oid,pg_catalog.pg_total_relation_size(c.oid) as total_rel_size,pg_catalog.pg_relation_size(c.oid) as rel_size FROM pg_class c WHERE c.relnamespace=2200",
    "SELECT a.oid,a.* FROM pg_catalog.pg_roles a ORDER BY a.rolname",
    "SELECT t.oid,t.*,pg_tablespace_location(t.oid) loc FROM pg_catalog.pg_tablespace t ORDER BY t.oid",
    "SELECT pg_catalog.pg_get_viewdef('mirrors'::regclass, true)",
    "SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid"
    " LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_constraint'::regclass WHERE c.conrelid=16385",
]
PGADMIN = [
    "SET client_min_messages=notice", "SELECT version()",
    "SELECT db.oid as did, db.datname, db.datallowconn, pg_encoding_to_char(db.encoding) AS serverencoding, has_database_privilege(db.oid, 'CREATE') as cancreate, datistemplate"
    " FROM pg_catalog.pg_database db WHERE db.datname = current_database()",
    "SELECT roles.oid as id, roles.rolname as name, roles.rolsuper as is_superuser, CASE WHEN roles.rolsuper THEN true ELSE roles.rolcreaterole END as can_create_role,"
    " CASE WHEN roles.rolsuper THEN true ELSE roles.rolcreatedb END as can_create_db, CASE WHEN 'pg_signal_backend'=ANY(ARRAY(WITH RECURSIVE cte AS ("
    " SELECT pg_roles.oid,pg_roles.rolname FROM pg_roles WHERE pg_roles.oid = roles.oid UNION ALL SELECT m.roleid, pgr.rolname FROM cte cte_1"
    " JOIN pg_auth_members m ON m.member = cte_1.oid JOIN pg_roles pgr ON pgr.oid = m.roleid) SELECT rolname FROM cte)) THEN True ELSE False END as can_signal_backend"
    " FROM pg_catalog.pg_roles as roles WHERE rolname = current_user",
    "SELECT db.oid as did, db.oid, db.datname as name, ta.spcname as spcname, db.datallowconn, db.datistemplate AS is_template, pg_catalog.has_database_privilege(db.oid, 'CREATE') as cancreate,"
    " datdba as owner, descr.description FROM pg_catalog.pg_database db LEFT OUTER JOIN pg_catalog.pg_tablespace ta ON db.dattablespace = ta.oid"
    " LEFT OUTER JOIN pg_catalog.pg_shdescription descr ON (db.oid=descr.objoid AND descr.classoid='pg_database'::regclass) WHERE db.oid > 16383::OID OR db.datname IN ('postgres', 'edb') ORDER BY datname",
    "SELECT nsp.oid, nsp.nspname as name, pg_catalog.has_schema_privilege(nsp.oid, 'CREATE') as can_create, pg_catalog.has_schema_privilege(nsp.oid, 'USAGE') as has_usage"
    " FROM pg_catalog.pg_namespace nsp WHERE nspname NOT LIKE E'pg\\\\_%' ORDER BY nspname",
    "SELECT c.oid, c.relname AS name, description AS comment FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description des"
    " ON (des.objoid=c.oid and des.objsubid=0 AND des.classoid='pg_class'::regclass) WHERE c.relkind = 'v' AND c.relnamespace = 2200::oid ORDER BY c.relname",
]
# Npgsql 8 reads the types; what is an array it tells by the function that receives it.
NPGSQL = """SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid FROM (
    SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind, elemtyp.oid AS elemtypoid,
        elemtyp.typname AS elemtypname, elemcls.relkind AS elemrelkind, CASE WHEN elemproc.proname='array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype
    FROM (SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid_,
            CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
            CASE WHEN proc.proname='array_recv' THEN typ.typelem WHEN typ.typtype='r' THEN rngsubtype
                 WHEN typ.typtype='m' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = typ.oid) WHEN typ.typtype='d' THEN typ.typbasetype END AS elemoid
        FROM pg_type AS typ LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid) LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
        LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS typ
    LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemoid LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid)
    LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive) AS t
  JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
  WHERE typtype IN ('b', 'r', 'm', 'e', 'd') OR (typtype = 'c' AND relkind='c') OR (typtype = 'p' AND typname IN ('record', 'void', 'unknown')) OR
    (typtype = 'a' AND (elemtyptype IN ('b', 'r', 'm', 'e', 'd') OR (elemtyptype = 'p' AND elemtypname IN ('record', 'void')) OR (elemtyptype = 'c' AND elemrelkind='c')))
  ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'c' THEN 1 WHEN typtype = 'r' THEN 2 WHEN typtype = 'm' THEN 3 WHEN typtype = 'a' THEN 6 END"""
JDBC = [
    "SELECT e.typdelim FROM pg_catalog.pg_type t, pg_catalog.pg_type e WHERE t.oid = 1007 and t.typelem = e.oid",
    "SELECT typinput='array_in'::regproc as is_array, typtype, typname, pg_type.oid FROM pg_catalog.pg_type LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns"
    " join ( select s.r, (current_schemas(false))[s.r] as nspname from generate_series(1, array_upper(current_schemas(false), 1)) as s(r) ) as r using ( nspname )) as sp ON sp.nspoid = typnamespace"
    " WHERE typname = '_int4' ORDER BY sp.r, pg_type.oid DESC",
    "SELECT * FROM (SELECT current_database() AS current_database, n.nspname,c.relname,a.attname,a.atttypid,a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull,a.atttypmod,a.attlen,"
    "t.typtypmod,row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') as attidentity, nullif(a.attgenerated, '') as attgenerated,"
    "pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc,dsc.description,t.typbasetype,t.typtype FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON (c.relnamespace = n.oid)"
    " JOIN pg_catalog.pg_attribute a ON (a.attrelid=c.oid) JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid) LEFT JOIN pg_catalog.pg_attrdef def ON (a.attrelid=def.adrelid AND a.attnum = def.adnum)"
    " LEFT JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid) LEFT JOIN pg_catalog.pg_class dc ON (dc.oid=dsc.classoid AND dc.relname='pg_class')"
    " LEFT JOIN pg_catalog.pg_namespace dn ON (dc.relnamespace=dn.oid AND dn.nspname='pg_catalog') WHERE c.relkind in ('r','p','v','f','m') and a.attnum > 0 AND NOT a.attisdropped"
    " AND c.relname LIKE 'mirrors') c WHERE true ORDER BY nspname,c.relname,attnum",
    "SELECT nspname AS TABLE_SCHEM, NULL AS TABLE_CATALOG FROM pg_catalog.pg_namespace WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1]) ORDER BY TABLE_SCHEM",
    "SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME, CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema' WHEN true THEN 'SYSTEM'"
    " WHEN false THEN CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE NULL END ELSE NULL END AS TABLE_TYPE, d.description AS REMARKS, '' as TYPE_CAT"
    " FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 and d.classoid = 'pg_class'::regclass)"
    " WHERE c.relnamespace = n.oid AND (false OR ( c.relkind = 'v' AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' ) ) ORDER BY TABLE_TYPE,TABLE_SCHEM,TABLE_NAME",
]


def test_what_dbeaver_pgadmin_npgsql_and_jdbc_ask_is_answered(peerd):
    for statement in [*DBEAVER, *PGADMIN, *JDBC]:
        values(peerd, statement)
    assert values(peerd, DBEAVER[0], 1) == [values(peerd, DBEAVER[0])[0]] and len(values(peerd, DBEAVER[6])) == len(VIEWS)
    assert values(peerd, PGADMIN[4], 2) == ["peerd"] and set(values(peerd, PGADMIN[6], 1)) == VIEWS
    assert values(peerd, JDBC[0]) == [","] and values(peerd, JDBC[1]) == [True] and set(values(peerd, JDBC[-1], 2)) == VIEWS
    columns = rows(peerd, JDBC[2])
    assert [row[9] for row in columns] == list(range(1, len(columns) + 1))
    types = {name: (kind, element) for _, _, name, kind, _, element in rows(peerd, NPGSQL)}
    assert types["int4"] == ("b", None) and types["_int4"] == ("a", 23) and types["timestamptz"][0] == "b", types


def test_every_column_of_the_catalog_is_where_postgres_has_it(peerd):
    """By name and order, so that SELECT * means the same. Of the version that peerd names."""
    source = PostgresServer("fourteen", 14)
    for table in ("pg_class", "pg_attribute", "pg_type", "pg_namespace", "pg_database", "pg_index", "pg_constraint", "pg_proc", "pg_roles", "pg_settings"):
        with peerd.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM pg_catalog.{table} LIMIT 0")
            ours = [column.name for column in cursor.description]
        theirs = [row[0] for row in source.sql("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum", (table,))]
        assert ours == theirs, table
