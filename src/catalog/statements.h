#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace peerd {

/// Every statement of the catalog; its text stands in statements.cc alone, in SQL that SQLite and Postgres share.
enum class Sql : std::size_t {
  next_id,
  peer_by_name,
  all_peers,
  insert_peer,
  update_peer,
  delete_peer,
  mirrors_of_peer,
  mirror_by_name,
  mirror_by_id,
  all_mirrors,
  insert_mirror,
  move_mirror,
  set_spec,
  set_resume_to,
  lease_mirror,
  release_leases,
  delete_mirror,
  delete_tables,
  delete_chunks,
  delete_batches,
  delete_logs,
  delete_target_notes,
  delete_samples,
  delete_tags,
  fence,
  progress,
  note_source,
  intend_slot,
  forget_slot,
  begin_slot,
  set_shaped_at,
  store_checkpoint,
  store_spooled,
  set_spool_shaped,
  all_tables,
  put_table,
  put_planned_table,
  void_table,
  delete_table,
  delete_table_chunks,
  copied_table,
  moved_table,
  ask_resync,
  park_table,
  begin_resync,
  begin_swap,
  resynced_table,
  target_notes,
  put_target_note,
  delete_target_note,
  insert_chunk,
  chunk_done,
  all_chunks,
  insert_batch,
  prune_batches,
  all_batches,
  insert_log,
  prune_logs,
  all_logs,
  put_sample,
  thin_samples,
  prune_samples,
  samples,
  all_alerts,
  insert_alert,
  update_alert,
  delete_alert,
  delete_alert_causes,
  all_causes,
  put_cause,
  delete_cause,
  insert_tag,
  all_tags,
  count
};
std::string_view text_of(Sql statement);

/// The catalog's shape, version by version: the first makes version 1. Never changed once released, only added to.
std::span<const std::string_view> migrations();

}  // namespace peerd
