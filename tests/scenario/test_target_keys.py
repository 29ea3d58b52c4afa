"""Keys of a Postgres target's table that the mirror could not keep: refused before anything is made, with the statement that cures it."""
import psycopg2
import pytest

from support.postgres_server import PostgresServer

ANY_CASE = "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"


def refused(w, tables, *words, **options):
    with pytest.raises(psycopg2.Error) as caught:
        w.create_mirror(tables, **options)
    told = caught.value.diag
    text = f"{told.message_primary} / {told.message_detail or ''} / {told.message_hint}"
    assert all(word in text for word in words), text
    assert w.slots() == [] and w.publications() == [] and w.peerd.rows("SELECT name FROM mirrors") == []
    return told.message_hint


def test_a_key_to_be_built_that_merges_rows(new_world):
    w = new_world("postgres")
    w.sql("CREATE TABLE items (k text PRIMARY KEY, n int); INSERT INTO items VALUES ('a', 1), ('A', 2), ('b', 3)")
    w.at_target(f"{ANY_CASE}; CREATE TABLE items (k text COLLATE any_case, n int);"
                "CREATE TABLE child () INHERITS (items); INSERT INTO child VALUES ('a', 1), ('a', 1)")
    w.create_peers()
    hint = refused(w, ["public.items"], "COLLATE public.any_case", "different keys")
    w.at_target(hint)
    w.create_mirror(["public.items"], "RUNNING")
    w.sql("INSERT INTO items VALUES ('B', 4); UPDATE items SET k = 'c' WHERE k = 'A'")
    w.wait_caught_up()
    rows = w.at_target("SELECT k, n FROM ONLY items ORDER BY n")
    assert rows == [("a", 1), ("c", 2), ("b", 3), ("B", 4)], rows
    assert w.at_target("SELECT count(*) FROM child") == [(2,)]  # none of the mirror's


def test_the_source_s_own_collation_may_merge(new_world):
    w = new_world("postgres")
    w.sql(f"{ANY_CASE}; CREATE TABLE items (k text COLLATE any_case PRIMARY KEY, n int); INSERT INTO items VALUES ('a', 1), ('b', 3)")
    w.at_target(f"{ANY_CASE}; CREATE TABLE items (k text COLLATE any_case, n int)")
    w.start_mirror(["public.items"])
    w.sql("UPDATE items SET k = 'A' WHERE k = 'a'; INSERT INTO items VALUES ('c', 4)")
    w.settle_and_compare()


def test_an_unlogged_table_or_partition(new_world):
    w = new_world("postgres")
    w.sql("CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items SELECT g, g FROM generate_series(1, 100) g;"
          "CREATE TABLE parts (id int PRIMARY KEY, n int); INSERT INTO parts SELECT g, g FROM generate_series(1, 100) g")
    w.at_target("CREATE UNLOGGED TABLE items (id int PRIMARY KEY, n int);"
                "CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
                "CREATE UNLOGGED TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (50);"
                "CREATE TABLE parts_2 PARTITION OF parts DEFAULT")
    w.create_peers()
    assert "ALTER TABLE public.items SET LOGGED" in refused(w, ["public.items"], "UNLOGGED")
    assert "ALTER TABLE public.parts_1 SET LOGGED" in refused(w, ["public.parts"], "public.parts_1")
    w.at_target("ALTER TABLE items SET LOGGED; ALTER TABLE parts_1 SET LOGGED")
    w.create_mirror(["public.items", "public.parts"], "RUNNING")
    w.settle_and_compare()
    w.pause()
    w.at_target("ALTER TABLE parts_2 SET UNLOGGED")
    w.resume()
    stopped = w.wait_state("FAILED", 60)
    assert "public.parts_2" in stopped["last_error"] and "SET LOGGED" in stopped["last_error_hint"], stopped
    w.at_target("ALTER TABLE parts_2 SET LOGGED")
    w.resume()
    w.wait_state("RUNNING")
    w.sql("UPDATE items SET n = n + 1; UPDATE parts SET n = n + 1")
    w.settle_and_compare()


def test_columns_that_peerd_could_not_set(new_world):
    w = new_world("postgres")
    w.sql("CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items SELECT g, g FROM generate_series(1, 100) g")
    w.create_peers()
    for name in ("ctid", "xmin", "tableoid"):
        refused(w, ["public.items"], name, "soft_delete_col_name", soft_delete_col_name=name)
        refused(w, ["public.items"], name, "synced_at_col_name", synced_at_col_name=name)
    w.at_target("CREATE TABLE items (id int PRIMARY KEY, n int, deleted boolean GENERATED ALWAYS AS (n > 5) STORED,"
                " at timestamptz GENERATED ALWAYS AS ('2020-01-01 00:00:00+00'::timestamptz) STORED)")
    w.at_target(refused(w, ["public.items"], '"deleted"', '"at"', "is generated", soft_delete_col_name="deleted", synced_at_col_name="at"))
    w.create_mirror(["public.items"], "RUNNING", soft_delete_col_name="deleted", synced_at_col_name="at")
    w.sql("DELETE FROM items WHERE id < 10; UPDATE items SET n = 0 WHERE id = 10")
    w.settle_and_compare()
    assert w.at_target("SELECT count(*) FROM items WHERE deleted") == [(9,)]


def test_a_column_of_the_source_that_the_target_computes_on_reading(new_world):
    w = new_world("postgres", target=PostgresServer("newest", 18, settings={"fsync": "off"}))
    w.sql("CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items SELECT g, g FROM generate_series(1, 100) g")
    w.at_target("CREATE TABLE items (id int PRIMARY KEY, n int GENERATED ALWAYS AS (id * 2) VIRTUAL)")
    w.create_peers()
    w.at_target(refused(w, ["public.items"], '"n"', "is generated"))
    w.create_mirror(["public.items"], "RUNNING")
    w.settle_and_compare()


def test_a_deferrable_constraint_on_just_the_key(new_world):
    w = new_world("postgres")
    tables = ["public.items", "public.twice", "public.others"]
    for table in tables:
        w.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, n int); INSERT INTO {table} SELECT g, g FROM generate_series(1, 100) g")
    w.sql("ALTER TABLE others ADD UNIQUE (n) DEFERRABLE")
    w.at_target("CREATE TABLE items (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, n int);"
                "CREATE TABLE twice (id int PRIMARY KEY, n int, CONSTRAINT again UNIQUE (id) DEFERRABLE);"
                "CREATE TABLE others (id int PRIMARY KEY, n int UNIQUE DEFERRABLE INITIALLY DEFERRED, UNIQUE (id, n) DEFERRABLE)")
    w.create_peers()
    w.at_target(refused(w, ["public.items"], "items_pkey", "DEFERRABLE", "ADD PRIMARY KEY"))
    w.at_target(refused(w, ["public.twice"], "again", "DEFERRABLE"))
    w.create_mirror(tables, "RUNNING")
    for table in tables:
        w.sql(f"UPDATE {table} SET n = n + 1000; UPDATE {table} SET id = id + 1000 WHERE id < 10; DELETE FROM {table} WHERE id = 50;"
              f"INSERT INTO {table} VALUES (50, 5)")
    w.settle_and_compare()
