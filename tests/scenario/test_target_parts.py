"""A Postgres target's column or partition that is dropped and made again, detached, or takes another's name stops the mirror;
nothing that was in it is missed in silence."""
import pytest

from support.process import wait_for


@pytest.fixture
def w(new_world):
    """Three tables: `t` and `own` are what peerd makes of them, `p` is partitioned at the target in two levels."""
    w = new_world("postgres")
    for table in ("t", "own", "p"):
        w.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, a text, b text);"
              f"INSERT INTO {table} SELECT g, 'a' || g, 'b' || g FROM generate_series(1, 100) g")
    w.at_target("CREATE TABLE p (id int PRIMARY KEY, a text, b text) PARTITION BY RANGE (id);"
                "CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (50);"
                "CREATE TABLE p_high PARTITION OF p FOR VALUES FROM (50) TO (2000) PARTITION BY RANGE (id);"
                "CREATE TABLE p_high_1 PARTITION OF p_high FOR VALUES FROM (50) TO (1000)")
    w.start_mirror(["public.t", "public.own", "public.p"])
    w.settle_and_compare()
    return w


def stopped(w, *words, table="t"):
    """The mirror is FAILED with an error and a hint that hold the words; rows come until it has noticed."""
    def told():
        row = w.mirror()
        if row["state"] == "RUNNING":
            w.sql(f"INSERT INTO {table} SELECT coalesce(max(id), 0) + 1, 'x', 'y' FROM {table}")
        return row["state"] == "FAILED" and row

    row = wait_for("FAILED", told, 60, 0.2)
    assert all(word in f"{row['last_error']} / {row['last_error_hint']}" for word in words), row
    assert "RESUME MIRROR" in row["last_error_hint"], row


def goes_on(w, cure):
    w.at_target(cure)
    w.resume()
    w.wait_state("RUNNING")
    w.settle_and_compare()


def rename(table, *names):
    return "; ".join(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}" for old, new in zip(names, names[1:]))


SWAP = "; ".join(rename("t", *pair) for pair in (("a", "x"), ("b", "a"), ("x", "b")))


def test_a_column_is_what_it_was(w):
    # Two swap names, while the mirror runs, and while it does not.
    w.at_target(SWAP)
    stopped(w, 'columns "a", "b" of target table', "are not those")
    w.resume()
    stopped(w, "are not those")
    goes_on(w, SWAP)
    w.pause()
    w.at_target(SWAP)
    w.resume()
    stopped(w, "are not those")
    goes_on(w, SWAP)
    # What the mirror adds is its own, and noted with what is there.
    w.sql("ALTER TABLE t ADD COLUMN c int DEFAULT 5; INSERT INTO t VALUES (5000, 'x', 'y', 7)")
    w.settle_and_compare()
    w.pause()
    w.resume()
    w.wait_state("RUNNING")
    w.sql("INSERT INTO t VALUES (5001, 'x', 'y', 8)")
    w.settle_and_compare()
    # Others' columns are none of the mirror's.
    w.at_target("ALTER TABLE t ADD COLUMN mine int; ALTER TABLE t DROP COLUMN mine; ALTER TABLE t ADD COLUMN mine int")
    w.sql("INSERT INTO t VALUES (5002, 'x', 'y', 8)")
    w.settle_and_compare()
    w.at_target("ALTER TABLE t DROP COLUMN c; ALTER TABLE t ADD COLUMN c int")
    stopped(w, 'column "c" of target table', "not the one")
    w.peerd.restart()
    w.resume()
    stopped(w, 'column "c" of target table', "not the one")
    w.drop()
    assert w.at_target("SELECT count(*) FROM _peerd.columns") == [(0,)]


def test_a_column_of_peerds_own_too(w):
    w.pause()
    w.at_target('ALTER TABLE own DROP COLUMN "_PEERDB_IS_DELETED"; ALTER TABLE own ADD COLUMN "_PEERDB_IS_DELETED" boolean DEFAULT false')
    w.resume()
    stopped(w, "_PEERDB_IS_DELETED", "not the one")


def test_a_mirror_of_before_the_notes_learns_them(w):
    w.pause()
    w.peerd.terminate()
    w.at_target("DROP TABLE _peerd.columns, _peerd.partitions")  # as an earlier version has made it
    w.peerd.start()
    w.resume()
    w.wait_state("RUNNING")
    w.sql("INSERT INTO t VALUES (1000, 'x', 'y'); INSERT INTO p VALUES (999, 'x', 'y')")
    w.settle_and_compare()
    w.at_target("ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b text")
    stopped(w, 'column "b" of target table', "not the one")


def test_a_partition_is_what_it_was(w):
    # New ones are welcome, and from then on their rows are the mirror's too.
    w.at_target("CREATE TABLE p_new PARTITION OF p FOR VALUES FROM (2000) TO (3000); CREATE TABLE p_high_2 PARTITION OF p_high FOR VALUES FROM (1000) TO (2000)")
    w.sql("INSERT INTO p VALUES (2500, 'x', 'y'), (1500, 'x', 'y')")
    w.settle_and_compare()
    w.sql("INSERT INTO p VALUES (2501, 'x', 'y')")
    w.settle_and_compare()
    noted = {row[0] for row in w.at_target("SELECT name FROM _peerd.partitions")}
    assert noted == {f"public.{name}" for name in ("p_low", "p_high", "p_high_1", "p_high_2", "p_new")}, noted
    # Detached while the mirror runs, also where a DEFAULT partition takes the rows that come.
    w.at_target("ALTER TABLE p_high DETACH PARTITION p_high_2; CREATE TABLE p_rest PARTITION OF p_high DEFAULT")
    w.sql("INSERT INTO p VALUES (999, 'x', 'y')")
    stopped(w, "partition public.p_high_2 of target table", "was detached", "ALTER TABLE public.p_high ATTACH PARTITION public.p_high_2", table="p")
    goes_on(w, "ALTER TABLE p_high ATTACH PARTITION p_high_2 FOR VALUES FROM (1000) TO (2000)")
    # A whole branch of the tree, while the mirror does not run.
    w.pause()
    w.at_target("ALTER TABLE p DETACH PARTITION p_high")
    w.resume()
    stopped(w, "partition public.p_high of target table", "ATTACH PARTITION", table="p")
    goes_on(w, "ALTER TABLE p ATTACH PARTITION p_high FOR VALUES FROM (50) TO (2000)")
    # Dropped and made again.
    w.at_target("DROP TABLE p_low; CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (50)")
    w.sql("UPDATE p SET a = 'z' WHERE id = 60")
    stopped(w, "partition public.p_low of target table", "is gone", table="p")
    w.peerd.restart()
    w.resume()
    stopped(w, "partition public.p_low of target table", "is gone", table="p")
    w.drop()
    assert w.at_target("SELECT count(*) FROM _peerd.partitions") == [(0,)]


@pytest.mark.parametrize("table, unlogged", [("t", "t"), ("p", "p_high_1")])
def test_a_table_that_a_crash_would_empty_stops_the_mirror_while_it_runs(w, table, unlogged):
    w.at_target(f"ALTER TABLE {unlogged} SET UNLOGGED")
    stopped(w, "UNLOGGED", f"ALTER TABLE public.{unlogged} SET LOGGED", f"RESYNC TABLE public.{table} OF {w.mirror_name}", table=table)
    w.resume()
    stopped(w, "UNLOGGED", table=table)
    goes_on(w, f"ALTER TABLE {unlogged} SET LOGGED")


def test_a_partition_that_a_mirror_writes_to_by_itself_is_not_taken_along(w):
    w.sql("TRUNCATE own; INSERT INTO own VALUES (5001, 'x', 'y')")
    w.settle_and_compare()
    w.at_target("DELETE FROM own WHERE id < 5000; ALTER TABLE p ATTACH PARTITION own FOR VALUES FROM (5000) TO (6000)")
    w.sql("TRUNCATE p")
    stopped(w, "partition public.own of target table", "writes by itself", "DETACH PARTITION public.own", table="p")
    assert w.at_target('SELECT id FROM own WHERE NOT "_PEERDB_IS_DELETED"') == [(5001,)]
    goes_on(w, "ALTER TABLE p DETACH PARTITION own")
