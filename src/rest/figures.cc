#include "figures.h"

#include "peerd/base/clock.h"

namespace peerd::rest {
namespace {

/// PeerDB's name of a table's copy: letters, digits and underscores alone.
std::string clone_name(const MirrorRecord& mirror, const std::string& table) {
  std::string name = "clone_" + mirror.spec.name + "_" + table + "_" + mirror.uuid;
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) c = '_';
  }
  return name;
}

}  // namespace

std::int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(system_clock().wall().time_since_epoch()).count();
}

void set_time(google::protobuf::Timestamp& timestamp, std::int64_t microseconds) {
  timestamp.set_seconds(microseconds / 1'000'000);
  timestamp.set_nanos(static_cast<std::int32_t>(microseconds % 1'000'000) * 1000);
}

void fill_batch(const ProgressStore::BatchNote& note, peerdb_flow::CDCBatch& batch) {
  const BatchRecord& done = note.batch;
  batch.set_batch_id(note.id);
  batch.set_start_lsn(static_cast<std::int64_t>(done.first.value));
  batch.set_end_lsn(static_cast<std::int64_t>(done.end.value));
  batch.set_num_rows(static_cast<std::int64_t>(done.inserts + done.updates + done.deletes));
  set_time(*batch.mutable_start_time(), note.at_us - std::chrono::microseconds(done.applied).count());
  set_time(*batch.mutable_end_time(), note.at_us);
}

void fill_clone(const MirrorRecord& mirror, const TableStatus& table, std::int64_t began_us,
                peerdb_flow::CloneTableSummary& clone) {
  clone.set_table_name(table.target);
  clone.set_source_table(table.source);
  clone.set_mirror_name(mirror.spec.name);
  clone.set_flow_job_name(clone_name(mirror, table.source));
  if (began_us > 0) set_time(*clone.mutable_start_time(), began_us);
  clone.set_num_partitions_completed(static_cast<std::int32_t>(table.chunks_done));
  clone.set_num_partitions_total(static_cast<std::int32_t>(table.chunks_total));
  clone.set_num_rows_synced(static_cast<std::int64_t>(table.rows_copied));
  const bool done = table.chunks_total > 0 && table.chunks_done == table.chunks_total;
  clone.set_fetch_completed(done);
  clone.set_consolidate_completed(done);
}

std::int64_t copy_began_us(Catalog& catalog, MirrorId mirror) {
  for (const LogRecord& line : catalog.logs(mirror)) {
    if (line.message.starts_with("is SNAPSHOT, was SETUP")) return line.at_us;
  }
  return 0;
}

}  // namespace peerd::rest
