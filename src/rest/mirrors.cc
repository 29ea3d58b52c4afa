#include <algorithm>

#include "figures.h"
#include "json.h"
#include "mapping.h"
#include "query_mapping.h"
#include "routes.h"

namespace peerd::rest {
namespace {

// PeerDB's clients find their mirror's workflow by it.
constexpr std::string_view kWorkflow = "-peerflow", kQueryWorkflow = "-qrepflow";

peerdb_route::CreateCDCFlowRequest read_create(std::string_view text) {
  peerdb_route::CreateCDCFlowRequest body;
  read_json(text, body);
  if (!body.has_connection_configs()) {
    refuse_field("connection_configs", "connection configs cannot be nil",
                 "send {\"connection_configs\": {\"flow_job_name\": …}}");
  }
  return body;
}

void fill_error(const MirrorStatus& status, peerdb_route::MirrorError& error) {
  const ErrorText& text = *status.last_error;
  error.set_message(text.message);
  error.set_detail(text.detail);
  error.set_hint(text.hint);
  error.set_sqlstate(std::string(facts(text.code).sqlstate));
  error.set_table(text.table);
  if (status.last_error_at_us > 0) set_time(*error.mutable_at(), status.last_error_at_us);
}

void fill_parked(const TableStatus& table, peerdb_route::ParkedTable& parked) {
  parked.set_source(table.source);
  parked.set_target(table.target);
  parked.set_reason(table.parked->reason);
  parked.set_hint(table.parked->hint);
  parked.set_from_lsn(to_string(table.parked->from));
  set_time(*parked.mutable_since(), table.parked->since_us);
}

void fill_health(const MirrorStatus& status, peerdb_route::MirrorHealth& health) {
  health.set_health(std::string(to_string(health_of(status))));
  health.set_step(status.step);
  health.set_reason(status.reason);
  health.set_failing(status.failing);
  if (status.last_error) fill_error(status, *health.mutable_last_error());
  if (status.next_retry_at_us > 0) set_time(*health.mutable_next_retry_at(), status.next_retry_at_us);
  health.set_chunks_done(status.chunks_done());
  health.set_chunks_total(status.chunks_total());
  health.set_rows_copied(status.rows_copied());
  health.set_rows_streamed(status.rows_streamed);
  health.set_lag_bytes(status.lag_bytes());
  health.set_lag_seconds(static_cast<double>(status.lag_time.count()) / 1000);
  health.set_wal_kept_bytes(status.wal_kept_bytes);
  health.set_spool_bytes(status.spool_bytes);
  health.set_receives(status.receives);
  health.set_received_lsn(to_string(status.received));
  health.set_applied_lsn(to_string(status.applied));
  health.set_confirmed_lsn(to_string(status.confirmed));
  for (const TableStatus& table : status.tables)
    if (table.parked) fill_parked(table, *health.add_parked_tables());
  for (const NewTable& table : status.new_tables) {
    peerdb_route::NewTable& shown = *health.add_new_tables();
    shown.set_source(table.source);
    shown.set_target(table.target);
    shown.set_reason(table.reason);
    shown.set_hint(table.hint);
  }
}

/// Newest first, as PeerDB lists them.
void fill_batches(Catalog& catalog, MirrorId mirror, peerdb_flow::CDCMirrorStatus& status) {
  auto batches = catalog.batches(mirror);
  std::reverse(batches.begin(), batches.end());
  for (const auto& note : batches) fill_batch(note, *status.add_cdc_batches());
}

peerdb_peers::DBType type_of_peer(const std::vector<PeerSpec>& peers, const std::string& name) {
  for (const auto& peer : peers) {
    if (peer.name == name) return type_of_kind(peer.kind);
  }
  return peerdb_peers::DBTYPE_UNKNOWN;
}

void fill_flow(Call& call, const MirrorStatus& status, const peerdb_route::MirrorStatusRequest& body,
               peerdb_flow::CDCMirrorStatus& flow) {
  const auto peers = call.deps.peers.list();
  const MirrorRecord record = call.deps.mirrors.record(status.name);
  fill_mirror(record.spec, *flow.mutable_config());
  // Between Postgres servers types are carried as they are, whatever was asked for.
  const bool native = type_of_peer(peers, status.target) == peerdb_peers::POSTGRES;
  flow.mutable_config()->set_system(native ? peerdb_flow::PG : peerdb_flow::Q);
  fill_unset(*flow.mutable_config(), mirror_options(), {"skip_validation"});
  flow.set_source_type(type_of_peer(peers, status.source));
  flow.set_destination_type(type_of_peer(peers, status.target));
  flow.set_rows_synced(static_cast<std::int64_t>(status.rows_streamed));
  if (!body.exclude_snapshot_status()) {
    const std::int64_t began = copy_began_us(call.deps.catalog, status.id);
    auto& snapshot = *flow.mutable_snapshot_status();
    for (const TableStatus& table : status.tables) fill_clone(record, table, began, *snapshot.add_clones());
  }
  if (!body.exclude_batches()) fill_batches(call.deps.catalog, status.id, flow);
}

/// The ranges of the last round.
void fill_query_flow(Call& call, const MirrorStatus& status, peerdb_flow::QRepMirrorStatus& flow) {
  const MirrorRecord record = call.deps.mirrors.record(status.name);
  fill_query(record.spec, *flow.mutable_config());
  for (const ChunkRecord& range : call.deps.catalog.chunks(status.id)) {
    auto& part = *flow.add_partitions();
    part.set_partition_id(std::to_string(range.chunk.start.value) + "-" + std::to_string(range.chunk.number));
    part.set_rows_in_partition(static_cast<std::int64_t>(range.counts.rows));
    part.set_rows_synced(static_cast<std::int64_t>(range.counts.rows));
  }
}

MirrorEvent event_of(peerdb_flow::FlowStatus requested) {
  switch (requested) {
    case peerdb_flow::STATUS_PAUSED:
      return MirrorEvent::pause;
    case peerdb_flow::STATUS_RUNNING:
      return MirrorEvent::resume;
    case peerdb_flow::STATUS_TERMINATING:
    case peerdb_flow::STATUS_TERMINATED:
      return MirrorEvent::drop;
    default:
      refuse_field("requested_flow_state", "illegal state change requested: " + peerdb_flow::FlowStatus_Name(requested),
                   "STATUS_PAUSED, STATUS_RUNNING, STATUS_RESYNC or STATUS_TERMINATING");
  }
}

MirrorChange update_of(const peerdb_route::FlowStateChangeRequest& body) {
  if (!body.has_flow_config_update() || !body.flow_config_update().has_cdc_flow_config_update()) return {};
  return mirror_change(body.flow_config_update().cdc_flow_config_update());
}

/// What is refused now comes after a pause that was done: the error says both.
void change_paused(Call& call, const std::string& mirror, const MirrorChange& update) {
  try {
    call.deps.mirrors.change(mirror, update, IfExists::no, call.wait);
  } catch (Error& error) {
    error.text.message = "the mirror is paused, and not changed: " + error.text.message;
    throw;
  }
}

}  // namespace

std::string validate_mirror(Call& call) {
  const auto body = read_create(call.body);
  call.deps.mirrors.validate(mirror_request(body.connection_configs()), call.wait);
  return write_json(peerdb_route::ValidateCDCMirrorResponse());
}

std::string create_mirror(Call& call) {
  const auto body = read_create(call.body);
  const auto request = mirror_request(body.connection_configs());
  if (body.allow_update() && body.attach_to_existing())
    refuse_field("allow_update", "a mirror is either left as it is or changed", "send allow_update or attach_to_existing");
  if (body.allow_update()) call.deps.mirrors.replace(request, call.wait);
  else call.deps.mirrors.create(request, body.attach_to_existing() ? IfExists::yes : IfExists::no, call.wait);
  peerdb_route::CreateCDCFlowResponse reply;
  reply.set_workflow_id(request.name + std::string(kWorkflow));
  return write_json(reply);
}

std::string create_query_mirror(Call& call) {
  peerdb_route::CreateQRepFlowRequest body;
  read_json(call.body, body);
  if (!body.has_qrep_config())
    refuse_field("qrep_config", "query replication config cannot be nil", "send {\"qrep_config\": {\"flow_job_name\": …}}");
  const auto request = query_request(body.qrep_config());
  if (body.allow_update()) call.deps.mirrors.replace(request, call.wait);
  else call.deps.mirrors.create(request, IfExists::no, call.wait);
  peerdb_route::CreateQRepFlowResponse reply;
  reply.set_workflow_id(request.name + std::string(kQueryWorkflow));
  return write_json(reply);
}

std::string list_mirrors(Call& call) {
  peerdb_route::ListMirrorsResponse reply;
  const auto peers = call.deps.peers.list();
  for (const auto& status : call.deps.mirrors.list()) {
    auto& item = *reply.add_mirrors();
    item.set_id(status.id.value);
    item.set_workflow_id(status.name + std::string(status.query.empty() ? kWorkflow : kQueryWorkflow));
    item.set_name(status.name);
    item.set_source_name(status.source);
    item.set_source_type(type_of_peer(peers, status.source));
    item.set_destination_name(status.target);
    item.set_destination_type(type_of_peer(peers, status.target));
    item.set_created_at(static_cast<double>(status.created_at_us / 1000));
    item.set_is_cdc(status.query.empty());
    item.set_status(status_of(status.state));
    item.set_health(std::string(to_string(health_of(status))));
  }
  return write_json(reply);
}

std::string mirror_names(Call& call) {
  peerdb_route::ListMirrorNamesResponse reply;
  for (const auto& status : call.deps.mirrors.list()) reply.add_names(status.name);
  return write_json(reply);
}

std::string mirror_status(Call& call) {
  peerdb_route::MirrorStatusRequest body;
  read_json(call.body, body);
  const MirrorStatus status = call.deps.mirrors.status(body.flow_job_name());
  peerdb_route::MirrorStatusResponse reply;
  reply.set_flow_job_name(status.name);
  reply.set_current_flow_state(status_of(status.state));
  set_time(*reply.mutable_created_at(), status.created_at_us);
  fill_health(status, *reply.mutable_health());
  if (body.include_flow_info() && status.query.empty()) fill_flow(call, status, body, *reply.mutable_cdc_status());
  if (body.include_flow_info() && !status.query.empty()) fill_query_flow(call, status, *reply.mutable_qrep_status());
  return write_json(reply);
}

std::string change_state(Call& call) {
  peerdb_route::FlowStateChangeRequest body;
  read_json(call.body, body);
  const MirrorChange update = update_of(body);
  const bool updates = !update.add.empty() || !update.drop.empty() || !update.set.empty();
  if (body.receive() && body.requested_flow_state() != peerdb_flow::STATUS_PAUSED)
    refuse_field("receive", "only a mirror that is paused receives without applying", "leave it out, or ask for STATUS_PAUSED");
  if (updates && body.requested_flow_state() == peerdb_flow::STATUS_UNKNOWN) {  // An update alone.
    call.deps.mirrors.change(body.flow_job_name(), update, IfExists::no, call.wait);
    return "{}";
  }
  if (body.requested_flow_state() == peerdb_flow::STATUS_RESYNC) {
    if (updates) refuse_field("flow_config_update", "a resync and an update are two requests", "send the update first, by itself");
    if (body.force()) refuse_field("force", "force is for dropping a mirror", "leave it out");
    call.deps.mirrors.resync(body.flow_job_name(), {}, IfExists::no, call.wait);
    return "{}";
  }
  // skip_destination_drop is what a drop does anyway: it never touches the target's tables.
  MirrorEvent event = event_of(body.requested_flow_state());
  if (body.receive()) event = MirrorEvent::pause_receiving;
  if (body.force() && event != MirrorEvent::drop) {
    refuse_field("force", "force is for dropping a mirror", "leave it out, or ask for STATUS_TERMINATED");
  }
  if (body.force()) event = MirrorEvent::drop_forced;
  if (updates && drops(event))
    refuse_field("flow_config_update", "a mirror that is dropped is not changed as well", "leave it out");
  // A pause that is refused changes nothing; a resume takes the change up, which may be what it needs.
  if (updates && event == MirrorEvent::resume)
    call.deps.mirrors.change(body.flow_job_name(), update, IfExists::no, call.wait);
  std::vector<std::string> left;
  call.deps.mirrors.request(body.flow_job_name(), event, IfExists::no, call.wait, &left);
  if (updates && pauses(event)) change_paused(call, body.flow_job_name(), update);
  if (!body.force() && !body.receive()) return "{}";
  peerdb_route::FlowStateChangeResponse reply;
  if (body.receive()) reply.set_notice(call.deps.mirrors.pause_outlook(body.flow_job_name(), call.wait).message);
  for (const std::string& what : left) reply.add_left_behind(what);
  return write_json(reply);
}

}  // namespace peerd::rest
