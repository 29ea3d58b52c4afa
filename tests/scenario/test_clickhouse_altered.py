"""What an operator's ALTER may do to a mirrored ClickHouse table: harmless ones are followed, the others are noticed, while rows flow and while they do not."""
import pytest

ROWS = 40
# ALTERs → a word of the error.
LOST = {
    "again": (["DROP COLUMN v", "ADD COLUMN v Nullable(String) AFTER n"], "`v`"),
    "swapped": (["RENAME COLUMN v TO x", "RENAME COLUMN w TO v", "RENAME COLUMN x TO w"], "`v`, `w`"),
    "cleared": (["CLEAR COLUMN `q\" c`"], "`q\" c`"),
    "renamed": (["RENAME COLUMN v TO v2"], "`v`"),
    "note": (["DROP COLUMN _peerdb_null_a"], "`_peerdb_null_a`"),
    "ttl": (["MODIFY TTL toDateTime('2050-01-01') + toIntervalDay(n)"], "TTL"),
    "type": (["MODIFY COLUMN n Int64"], "Int64"),
    "computed": (["MODIFY COLUMN v Nullable(String) MATERIALIZED 'mine'"], "computed"),
    "ordered": (["ADD COLUMN z Int32, MODIFY ORDER BY (id, z)"], "is ordered by"),
}
HARMLESS = ["ADD COLUMN z Int32 AFTER id", "RENAME COLUMN z TO zz", "DROP COLUMN zz", "MODIFY COLUMN n Int32 AFTER v",
            "COMMENT COLUMN v 'mine'", "ADD INDEX i n TYPE minmax", "MODIFY COLUMN v CODEC(ZSTD(3))", "ADD CONSTRAINT c CHECK id > -5",
            "MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild'", "ADD PROJECTION p (SELECT id ORDER BY n)"]


def started(world, names):
    for name in names:
        world.sql(f"""CREATE TABLE "{name}" (id int PRIMARY KEY, n int NOT NULL, v text, w text, a int[], "q"" c" text);
                      INSERT INTO "{name}" SELECT g, g, 'v' || g, 'w' || g, ARRAY[g], 'q' FROM generate_series(1, {ROWS}) g""")
    world.start_mirror([f"public.{name}" for name in names])
    world.settle_and_compare()


def alter(world, table, statements):
    """All of them between two looks of peerd's."""
    world.peerd.child.sigstop()
    for statement in statements:
        world.target.text(f"ALTER TABLE `{table}` {statement}", world.target_db, mutations_sync=2)
    world.peerd.child.sigcont()


def stops(world, table, word):
    told = world.wait_state("FAILED", 60)
    assert word in told["last_error"] and table in told["last_error"] and told["last_error_hint"], told
    assert "compare its columns" not in told["last_error_hint"], told
    assert "RESYNC TABLE" in told["last_error_hint"], told  # What the rows have lost no ALTER brings back.


@pytest.mark.parametrize("running", [True, False], ids=["running", "paused"])
def test_columns_that_are_not_what_they_were_stop_the_mirror(new_world, running):
    """One mirror for each, at once: each has a table of its own."""
    worlds = {}
    peerd = None
    # CLEAR leaves no trace but in system.mutations, which is read at a start and after another ALTER.
    cases = {what: case for what, case in LOST.items() if not running or what != "cleared"}
    for what, (statements, _) in cases.items():
        world = worlds[what] = new_world("clickhouse", peerd=peerd)
        peerd = world.peerd
        started(world, [what])
        if not running:
            world.pause()
        alter(world, what, statements)
        if running:
            world.sql(f"UPDATE \"{what}\" SET v = 'new' WHERE id % 2 = 0")
        else:
            world.resume()
    for what, (_, word) in cases.items():
        stops(worlds[what], what, word)
    # The printed cures work: a name put back, a definition put back.
    for what, cure in (("renamed", "RENAME COLUMN v2 TO v"), ("ttl", "REMOVE TTL"), ("type", "MODIFY COLUMN n Int32")):
        alter(worlds[what], what, [cure])
        worlds[what].resume()
        worlds[what].wait_state("RUNNING")
        assert worlds[what].settle_and_compare() == ROWS


def test_harmless_alters_are_followed(new_world):
    world = new_world("clickhouse")
    started(world, ["t"])
    for number, statement in enumerate(HARMLESS):
        alter(world, "t", [statement])
        world.sql(f"UPDATE t SET v = 'step {number}', n = n + 1 WHERE id % 3 = {number % 3}; DELETE FROM t WHERE id = {number + 1}")
        assert world.settle_and_compare() == ROWS - number - 1, statement
    alter(world, "t", ["RENAME COLUMN v TO v2", "RENAME COLUMN v2 TO v"])
    # A column of the operator's own that was dropped is none of the source's that comes later under its name.
    alter(world, "t", ["ADD COLUMN later Int32", "DROP COLUMN later", "DROP CONSTRAINT c", "DROP PROJECTION p"])
    world.sql("ALTER TABLE t ADD later int DEFAULT 7; INSERT INTO t VALUES (1000, 1)")
    world.settle_and_compare()
    world.pause()
    alter(world, "t", ["ADD COLUMN own Int32 FIRST", "RENAME COLUMN own TO mine"])
    world.resume()
    world.wait_state("RUNNING")
    world.sql("UPDATE t SET n = 0")
    world.settle_and_compare()


def test_a_view_that_does_not_take_the_rows_is_named(new_world):
    world = new_world("clickhouse")
    started(world, ["t"])
    world.target.text("CREATE TABLE sink (id Int32) ENGINE = MergeTree ORDER BY id", world.target_db)
    world.target.text("CREATE MATERIALIZED VIEW passes TO sink AS SELECT id FROM t", world.target_db)
    world.target.text("DROP TABLE sink SYNC", world.target_db)
    world.sql("UPDATE t SET n = n + 1")
    told = world.wait_state("FAILED", 60)
    assert f"`{world.target_db}`.`passes`" in told["last_error"] and "DROP VIEW" in told["last_error_hint"] and "RESYNC" not in told["last_error_hint"], told
    world.target.text(f"DROP VIEW `{world.target_db}`.`passes`", world.target_db)
    world.resume()
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == ROWS
