"""A target's table that its operator made stays theirs, whatever becomes of the copy into it."""
from support.process import wait_for

ROWS = 12_000
POSTGRES = """
CREATE TABLE public.t (id int PRIMARY KEY, note text DEFAULT 'mine', n int, v text COLLATE "C") WITH (fillfactor = 70);
CREATE INDEX mine ON public.t (n) WHERE n > 5; COMMENT ON TABLE public.t IS 'the table is mine'; COMMENT ON COLUMN public.t.v IS 'mine too';
ALTER TABLE public.t ALTER v SET STATISTICS 7, ADD CHECK (id <> 0)
"""
CLICKHOUSE = """
CREATE TABLE t (id Int32, note String DEFAULT 'mine', n Nullable(Int32) CODEC(ZSTD(3)), v LowCardinality(Nullable(String)) COMMENT 'mine too',
  half Int32 MATERIALIZED intDiv(id, 2), `_peerdb_synced_at` DateTime64(9) DEFAULT now64(9), `_PEERDB_IS_DELETED` UInt8, `_peerdb_version` UInt128,
  INDEX mine n TYPE minmax GRANULARITY 2)
ENGINE = ReplacingMergeTree(_peerdb_version, _PEERDB_IS_DELETED) PARTITION BY id % 3 ORDER BY id SETTINGS index_granularity = 512
"""
MADE = {
    "postgres": "SELECT c.oid, c.reloptions, obj_description(c.oid), (SELECT array_agg(pg_get_indexdef(indexrelid) ORDER BY 1) FROM pg_index"
                " WHERE indrelid = c.oid), (SELECT array_agg(pg_get_constraintdef(r.oid) ORDER BY 1) FROM pg_constraint r WHERE conrelid = c.oid),"
                " (SELECT array_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attcollation, attstattarget, col_description(c.oid, attnum)) ORDER BY attnum)"
                "   FROM pg_attribute WHERE attrelid = c.oid AND attname IN ('id', 'note', 'n', 'v')) FROM pg_class c WHERE oid = 't'::regclass",
    "clickhouse": "SELECT uuid, engine_full, (SELECT groupArray((name, type, default_kind, default_expression, comment, compression_codec)) FROM system.columns"
                  " WHERE database = currentDatabase() AND table = 't' AND name IN ('id', 'note', 'n', 'v', 'half')) AS its_columns,"
                  " (SELECT groupArray((name, expr, type, granularity)) FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 't') AS its_indexes"
                  " FROM system.tables WHERE database = currentDatabase() AND name = 't'",
}


def test_an_adopted_table_is_kept_when_a_column_comes_in_mid_copy(world):
    world.sql(f"CREATE TABLE public.t (id int PRIMARY KEY, n int, v text); INSERT INTO t SELECT g, g, 'v' || g FROM generate_series(1, {ROWS}) g")
    if world.kind == "postgres":
        world.at_target(POSTGRES)
    else:
        world.target.text(CLICKHOUSE, world.target_db)
    made = world.at_target(MADE[world.kind])
    world.hold_copy(3)
    world.create_peers()
    world.create_mirror(["public.t"], snapshot_num_rows_per_partition=150, snapshot_max_parallel_workers=1)
    world.wait_chunks(3)
    world.sql("BEGIN; ALTER TABLE t ADD c int DEFAULT 5; UPDATE t SET c = id WHERE id % 10 = 0; DELETE FROM t WHERE id % 100 = 7; COMMIT")
    world.sql("INSERT INTO t VALUES (-1, 1, 'late', 6); UPDATE t SET id = -id WHERE id BETWEEN 20 AND 30")
    world.gate.open()
    wait_for("the copy to start anew", lambda: world.peerd.rows("SELECT id FROM mirror_logs WHERE detail LIKE '%%starts anew%%'"))
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == ROWS - ROWS // 100 + 1
    assert world.at_target(MADE[world.kind]) == made
    notes = world.at_target("SELECT count(*) AS n FROM t WHERE note <> 'mine'")
    assert notes == ([(0,)] if world.kind == "postgres" else [{"n": 0}]), notes
    world.sql("UPDATE t SET c = c + 1, v = NULL WHERE id > 100; ALTER TABLE t ADD d text DEFAULT 'd'; DELETE FROM t WHERE id < 50")
    world.settle_and_compare()
    assert world.at_target(MADE[world.kind]) == made
