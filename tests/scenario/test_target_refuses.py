"""What a Postgres target refuses of a row stops the mirror with table, column, key and cure, and without the value."""
import pytest

from support.world import options_text, postgres_options

SECRET = "secret"


class Case:
    def __init__(self, column, source, target, good, bad, says, hint, later=""):
        """`column`: name and type at both ends; source, target, later: statements, `later` at the target once it streams."""
        self.column, self.source, self.target, self.good, self.bad = column, source, target, good, bad
        self.says, self.hint, self.later = says, hint, later


CASES = {
    "label": Case("m public.mood", "CREATE TYPE mood AS ENUM ('a', 'secret')", "CREATE TYPE mood AS ENUM ('a')",
                  "'a'", "'secret'", '"m"', "ADD VALUE"),
    "record": Case("r public.pair", "CREATE TYPE pair AS (a text, b text)", "CREATE TYPE pair AS (a text, b text)",
                   "NULL", "'(secret,x)'", '"r"', "ADD ATTRIBUTE", "ALTER TYPE pair DROP ATTRIBUTE b"),
    "object": Case("r regclass", "CREATE TABLE secret (x int)", "", "'pg_class'", "'secret'", '"r"', "make the object"),
    "domain": Case("p public.pos", "CREATE DOMAIN pos AS text", "CREATE DOMAIN pos AS text CONSTRAINT short CHECK (VALUE <> 'secret')",
                   "'x'", "'secret'", '"p"', "ALTER DOMAIN"),
    "check": Case("c text", "", "", "'x'", "'secret'", '"checked"', 'DROP CONSTRAINT "checked"',
                  "ALTER TABLE {0} ADD CONSTRAINT checked CHECK (c <> 'secret')"),
    "null": Case("n text", "", "", "'x'", "NULL", '"n"', 'ALTER COLUMN "n" DROP NOT NULL', "ALTER TABLE {0} ALTER n SET NOT NULL"),
    "length": Case("v varchar(20)", "", "", "'x'", "'secret'", '"v"', 'ALTER COLUMN "v" TYPE character varying(20)',
                   "ALTER TABLE {0} ALTER v TYPE varchar(3)"),
    "number": Case("c3 numeric(20,2)", "", "", "1", "99123456", '"c3"', 'ALTER COLUMN "c3" TYPE numeric(20,2)',
                   "ALTER TABLE {0} ALTER c3 TYPE numeric(5,2)"),
    "trigger": Case("t text", "", "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no %', NEW.t; END $$",
                    "'x'", "'secret'", "target's own code", "DISABLE TRIGGER",
                    "CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON {0} FOR EACH ROW EXECUTE FUNCTION shout(); ALTER TABLE {0} ENABLE ALWAYS TRIGGER shout"),
    "index": Case("i text", "", "", "'x'", "(SELECT string_agg(md5(g::text), 'secret') FROM generate_series(1, 400) g)", "index", "DROP INDEX",
                  "CREATE INDEX ON {0} (i)"),
}


@pytest.mark.parametrize("bad", ["INSERT INTO {0} VALUES (2, 20, {1})", "UPDATE {0} SET {2} = {1} WHERE id = 1"], ids=["inserted", "updated"])
def test_a_value_that_the_target_refuses(new_world, bad):
    w = new_world("postgres")
    for name, case in CASES.items():
        w.sql(f"{case.source}; CREATE TABLE public.t_{name} (id int, part int, {case.column}, PRIMARY KEY (part, id)); "
              f"INSERT INTO t_{name} VALUES (1, 10, {case.good})")
        if case.target:
            w.at_target(case.target)
    w.create_peers()
    for name in CASES:
        w.peerd.sql(f"CREATE MIRROR m_{name} FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.t_{name}:public.t_{name})")
    for name, case in CASES.items():
        w.peerd.wait_state(f"m_{name}", "RUNNING")
        w.peerd.wait_caught_up(f"m_{name}", w.source, w.source_db, 60, f"public.t_{name}")
        if case.later:
            w.at_target(case.later.format(f"t_{name}"))
        w.sql(bad.format(f"t_{name}", case.bad, case.column.split()[0]))
    for name, case in CASES.items():
        stopped = w.peerd.wait_state(f"m_{name}", "FAILED", 60)
        said, hint = stopped["last_error"], stopped["last_error_hint"]
        assert f'"t_{name}"' in said and 'key ("part", "id")' in said and case.says in said, (name, said, hint)
        assert case.hint in hint, (name, said, hint)
        logged = str(w.peerd.rows(f"SELECT * FROM mirror_logs WHERE mirror = 'm_{name}'"))
        assert f't_{name}' in logged, logged
        if name != "object":  # the source's own statement names the table `secret` there
            assert SECRET not in said + hint + logged and "99123456" not in said + hint + logged, (name, said, hint, logged)
        w.peerd.sql(f"DROP MIRROR m_{name}")
    assert "99123456" not in w.peerd.log_text() and SECRET not in w.peerd.log_text()


def test_a_character_that_the_target_s_encoding_lacks(new_world):
    w = new_world("postgres")
    narrow = f"{w.target_db}_latin"
    w.target.sql(f"CREATE DATABASE {narrow} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    w.sql("CREATE TABLE public.words (id int PRIMARY KEY, n int, w text); INSERT INTO words VALUES (1, 1, 'größe')")
    w.create_peers()
    w.peerd.sql(f"CREATE PEER narrow FROM POSTGRES WITH ({options_text(postgres_options(w.target, narrow))})")
    w.peerd.sql(f"CREATE MIRROR m FROM {w.source_peer} TO narrow WITH TABLE MAPPING (public.words:public.words)")
    w.peerd.wait_state("m", "RUNNING")
    w.sql("INSERT INTO words VALUES (2, 2, '€')")
    stopped = w.peerd.wait_state("m", "FAILED", 60)
    said, hint = stopped["last_error"], stopped["last_error_hint"]
    assert '"words"' in said and '"w"' in said and 'key ("id")' in said and '"n"' not in said, (said, hint)
    assert "UTF8" in hint and "€" not in said + hint and "0xe2" not in said + hint, (said, hint)
    w.peerd.sql("DROP MIRROR m")
    w.target.sql(f"DROP DATABASE {narrow} WITH (FORCE)")


def test_two_mappings_that_would_write_to_the_same_rows(new_world):
    """A partition and its whole, in one mirror and in two; and a table to itself, by another spelling of its server."""
    w = new_world("postgres")
    w.sql("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text)")
    w.at_target("CREATE TABLE whole (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF whole DEFAULT PARTITION BY RANGE (id);"
                "CREATE TABLE leaf PARTITION OF part DEFAULT; CREATE TABLE aside (id int PRIMARY KEY, v text)")
    w.create_peers()

    def create(name, mapping, target=w.target_peer):
        w.peerd.sql(f"CREATE MIRROR {name} FROM {w.source_peer} TO {target} WITH TABLE MAPPING ({mapping})")

    def refused(words, *what):
        with pytest.raises(Exception) as error:
            create(*what)
        assert words in str(error.value), error.value
        assert w.slots() == []

    refused("is a part of table public.leaf, or its whole", "m", "public.a:public.whole, public.b:public.leaf")
    refused("is a part of table public.leaf, or its whole", "m", "public.a:public.leaf, public.b:public.part")
    w.peerd.sql(f"CREATE PEER same FROM POSTGRES WITH ({options_text({**postgres_options(w.source, w.source_db), 'host': 'localhost'})})")
    refused("cannot be mirrored into itself", "m", "public.b:public.c, public.a:public.a", "same")
    assert w.sql("SELECT count(*) FROM information_schema.columns WHERE table_name = 'a'") == [(2,)]
    create("m", "public.a:public.whole, public.b:public.aside")
    w.peerd.wait_state("m", "RUNNING")
    with pytest.raises(Exception, match="to which mirror m writes"):
        create("n", "public.b:public.leaf")
    with pytest.raises(Exception, match="to which mirror m writes"):
        w.peerd.sql("ALTER MIRROR m DROP TABLE public.b")
        w.peerd.wait_state("m", "RUNNING")
        w.peerd.sql("ALTER MIRROR m ADD TABLE public.b:public.part")
    # Rows that come back to where they came from: by one mirror, and by way of two.
    refused_back = "from where they would come again, for ever"
    w.sql("CREATE TABLE c (id int PRIMARY KEY, v text)")
    w.peerd.sql(f"CREATE MIRROR there FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.c:public.c)")
    w.peerd.wait_state("there", "RUNNING")
    for name, source, target, mapping in (("back", w.target_peer, w.source_peer, "public.c:public.c"),
                                          ("both", w.source_peer, w.source_peer, "public.b:public.x, public.x:public.b")):
        with pytest.raises(Exception, match=refused_back):
            w.peerd.sql(f"CREATE MIRROR {name} FROM {source} TO {target} WITH TABLE MAPPING ({mapping})")
    w.peerd.sql("DROP MIRROR there; DROP MIRROR m")


def test_a_key_that_tells_an_object_by_its_name(new_world):
    """Where it becomes text, a row stays under the old name when its object is renamed, and no change finds it again."""
    w = new_world("clickhouse")
    w.sql("CREATE TABLE named (k regclass PRIMARY KEY); CREATE TABLE sized (k regtype[], n int, PRIMARY KEY (n)); INSERT INTO sized VALUES ('{int4}', 1)")
    w.create_peers()
    with pytest.raises(Exception, match=r'key of table public.named .* column "k" \(regclass\)'):
        w.create_mirror(["public.named"])
    assert w.slots() == []
    w.create_mirror(["public.sized"], "RUNNING")
    w.wait_caught_up()
    assert [row["n"] for row in w.at_target("SELECT n FROM sized FINAL")] == [1]
