#include "peerd/specs/mirror_spec.h"

namespace peerd {
namespace {

constexpr std::int64_t kMostRows = 1'000'000'000, kMostSeconds = 86'400, kMostWorkers = 64, kMostBytes = 1'000'000'000'000'000;

constexpr Option kOptions[] = {
    {"do_initial_copy", OptionType::boolean, "true", Required::no, Secret::no,
     "copy the rows that the tables hold already; false streams new changes only"},
    {"do_initial_snapshot", OptionType::boolean, "", Required::no, Secret::no, "another name of do_initial_copy", 0, 0,
     "do_initial_copy"},
    {"publication_name", OptionType::text, "", Required::no, Secret::no,
     "a publication at the source that is read, and kept by DROP MIRROR; empty makes one for the mirror"},
    {"replication_slot_name", OptionType::text, "", Required::no, Secret::no,
     "the name of the logical slot that is made for the mirror; empty makes one up"},
    {"max_batch_size", OptionType::integer, "1000000", Required::no, Secret::no,
     "the most changes that go to the target at once", 1, kMostRows},
    {"idle_timeout_seconds", OptionType::integer, "60", Required::no, Secret::no,
     "the longest that a change may wait for others before it goes to the target", 1, kMostSeconds},
    {"sync_interval", OptionType::integer, "", Required::no, Secret::no, "another name of idle_timeout_seconds", 0, 0,
     "idle_timeout_seconds"},
    {"snapshot_num_rows_per_partition", OptionType::integer, "1000000", Required::no, Secret::no,
     "about how many rows one chunk of the initial copy reads", 1, kMostRows},
    {"snapshot_max_parallel_workers", OptionType::integer, "4", Required::no, Secret::no,
     "how many chunks of one table are copied at the same time", 1, kMostWorkers},
    {"snapshot_num_tables_in_parallel", OptionType::integer, "1", Required::no, Secret::no,
     "how many tables are copied at the same time; workers without a chunk of these begin the next", 1, kMostWorkers},
    {"soft_delete_col_name", OptionType::text, "_PEERDB_IS_DELETED", Required::no, Secret::no,
     "the column that marks deleted rows; empty deletes them"},
    {"synced_at_col_name", OptionType::text, "_PEERDB_SYNCED_AT", Required::no, Secret::no,
     "the column that holds when a row arrived; empty leaves it out"},
    {"spool", OptionType::text, "off", Required::no, Secret::no,
     "whether received changes are kept on peerd's own disk until the target has them, so that the source needs not keep "
     "their WAL, also while tables are copied: off, always, or when_needed, which is while more than wal_budget_bytes is kept"},
    {"spool_max_bytes", OptionType::integer, "10000000000", Required::no, Secret::no,
     "the most that the spool takes of the disk, and never more than four fifths of it; when it is full the source keeps WAL",
     1'000'000, kMostBytes},
    {"wal_budget_bytes", OptionType::integer, "10000000000", Required::no, Secret::no,
     "with spool = 'when_needed': how much WAL the slot may keep, at most half of the source's max_slot_wal_keep_size",
     1'000'000, kMostBytes},
    {"on_spool_full", OptionType::text, "wait", Required::no, Secret::no,
     "what follows when the spool is full too: wait keeps the WAL at the source; drop_slot drops the slot once it keeps more than "
     "wal_budget_bytes and the target takes nothing, which saves the source and needs RESYNC MIRROR"},
    {"on_table_error", OptionType::text, "stop", Required::no, Secret::no,
     "what follows when one streamed table alone cannot go on: stop stops the mirror; park leaves that table's changes out, says so, and "
     "lets the others go on, until RESYNC TABLE copies it anew"},
    {"dropped_columns", OptionType::text, "keep", Required::no, Secret::no,
     "what becomes of the target's column when the source's is dropped: keep leaves it, with the values of before; drop drops it, in "
     "the order of the WAL (Postgres and ClickHouse)"},
    {"new_tables", OptionType::text, "ask", Required::no, Secret::no,
     "what follows when a pattern of the mapping names a table that was not there before: ask says so, with the statement that adds "
     "it; add adds it; ignore leaves it out"},
};

constexpr Option kQueryOptions[] = {
    {"destination_table_name", OptionType::text, "", Required::yes, Secret::no, "the table at the target that the rows go to"},
    {"watermark_table_name", OptionType::text, "", Required::no, Secret::no,
     "the table at the source whose watermarks tell what is new, as schema.table"},
    {"watermark_column", OptionType::text, "", Required::no, Secret::no,
     "its column that rises with every change: an integer, a date or a timestamp"},
    {"mode", OptionType::text, "append", Required::no, Secret::no,
     "append adds rows, upsert puts them in the place of those of the same key, overwrite replaces all that is there"},
    {"unique_key_columns", OptionType::text, "", Required::no, Secret::no, "with upsert: the columns of the key, with commas"},
    {"num_rows_per_partition", OptionType::integer, "50000", Required::no, Secret::no, "about how many rows one range of watermarks holds",
     1, kMostRows},
    {"parallelism", OptionType::integer, "2", Required::no, Secret::no, "how many ranges are read at the same time; upsert reads one by one",
     1, kMostWorkers},
    {"refresh_interval", OptionType::integer, "10", Required::no, Secret::no, "how many seconds lie between two looks for new rows", 1,
     kMostSeconds},
    {"initial_copy_only", OptionType::boolean, "false", Required::no, Secret::no, "one round, and then COMPLETED"},
    {"synced_at_col_name", OptionType::text, "", Required::no, Secret::no, "the column that holds when a row arrived; empty leaves it out"},
};

constexpr Option kPauseOptions[] = {
    {"receive", OptionType::boolean, "false", Required::no, Secret::no,
     "go on receiving changes into the mirror's spool, so that the source needs not keep their WAL; RESUME MIRROR applies them"},
};

}  // namespace

const OptionTable& pause_options() {
  static constexpr OptionTable kTable{"PAUSE MIRROR", kPauseOptions};
  return kTable;
}

const OptionTable& query_mirror_options() {
  static constexpr OptionTable kTable{"CREATE MIRROR FOR a query", kQueryOptions};
  return kTable;
}

const OptionTable& mirror_options() {
  static constexpr OptionTable kTable{"CREATE MIRROR", kOptions};
  return kTable;
}

}  // namespace peerd
