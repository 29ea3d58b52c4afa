#include <algorithm>

#include "peerd/catalog/differences.h"
#include "peerd/base/error.h"
#include "peerd/base/text.h"
#include "spec_json.h"
#include "sql_catalog.h"

namespace peerd {

PeerRecord SqlCatalog::read_peer(const Rows& rows) const {
  PeerRecord record;
  record.id = rows.integer(0);
  record.spec.name = rows.text(1);
  record.spec.kind = rows.text(2);
  record.spec.options = peer_options(record.spec.name, rows.text(3), secrets_);
  return record;
}

std::optional<PeerRecord> SqlCatalog::find_peer(std::string_view name) {
  Rows rows = ask(Sql::peer_by_name, {std::string(name)});
  if (!rows.next()) return std::nullopt;
  return read_peer(rows);
}

std::vector<std::string> SqlCatalog::users_of(std::string_view peer) {
  std::vector<std::string> names;
  for (Rows rows = ask(Sql::mirrors_of_peer, {std::string(peer)}); rows.next();) names.push_back(rows.text(0));
  return names;
}

SqlCatalog::Put SqlCatalog::put_peer(const PeerSpec& peer, Replace replace) {
  Lock lock(mutex_);
  const OptionTable* table = option_tables_(peer.kind);
  sqlite::Transaction transaction(database_);
  const std::optional<PeerRecord> there = find_peer(peer.name);
  if (!there) {
    run(Sql::insert_peer, {next_id("peer"), peer.name, peer.kind, peer_json(peer, table, secrets_)});
    transaction.commit();
    return Put::created;
  }
  const std::string difference = differences(there->spec, peer, table);
  if (difference.empty() && replace == Replace::no) return Put::unchanged;
  if (replace == Replace::no) {
    throw Error(ErrorCode::already_exists, "peer \"" + peer.name + "\" already exists and differs in " + difference,
                "use CREATE OR REPLACE PEER (allow_update over REST), or drop it first");
  }
  const std::vector<std::string> users = users_of(peer.name);
  if (there->spec.kind != peer.kind && !users.empty()) {
    throw Error(ErrorCode::wrong_state,
                "peer \"" + peer.name + "\" cannot become another kind: it is used by mirror " + join(users, ", "),
                "drop those mirrors first");
  }
  // Stored even when nothing differs: that seals the secrets with the first of the present keys.
  run(Sql::update_peer, {peer.name, peer.kind, peer_json(peer, table, secrets_)});
  transaction.commit();
  return difference.empty() ? Put::unchanged : Put::replaced;
}

std::optional<PeerSpec> SqlCatalog::peer(std::string_view name) {
  Lock lock(mutex_);
  std::optional<PeerRecord> record = find_peer(name);
  if (!record) return std::nullopt;
  return std::move(record->spec);
}

std::vector<PeerRecord> SqlCatalog::peer_records() {
  Lock lock(mutex_);
  std::vector<PeerRecord> records;
  for (Rows rows = ask(Sql::all_peers, {}); rows.next();) records.push_back(read_peer(rows));
  return records;
}

std::vector<PeerSpec> SqlCatalog::peers() {
  std::vector<PeerSpec> specs;
  for (PeerRecord& record : peer_records()) specs.push_back(std::move(record.spec));
  return specs;
}

void SqlCatalog::drop_peer(std::string_view name) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  const std::string quoted = "peer \"" + std::string(name) + "\"";
  const std::vector<std::string> users = users_of(name);
  if (!users.empty()) {
    throw Error(ErrorCode::wrong_state, quoted + " is used by mirror " + join(users, ", "),
                "drop it first: DROP MIRROR " + users.front());
  }
  if (run(Sql::delete_peer, {std::string(name)}) == 0) throw Error(ErrorCode::not_found, quoted + " does not exist");
  transaction.commit();
}

MirrorRecord SqlCatalog::read_record(const Rows& rows) {
  MirrorRecord record;
  record.id = MirrorId{rows.integer(0)};
  record.uuid = rows.text(1);
  record.spec.name = rows.text(2);
  record.spec.source = rows.text(3);
  record.spec.target = rows.text(4);
  read_mirror(rows.text(5), record.spec);
  const auto state = parse_mirror_state(rows.text(6)), resume_to = parse_mirror_state(rows.text(7));
  if (!state || !resume_to)
    throw Error(ErrorCode::internal, "the catalog holds an unknown state of mirror \"" + record.spec.name + "\"");
  record.state = *state;
  record.resume_to = *resume_to;
  record.reason = rows.text(8);
  record.created_at_us = rows.integer(9);
  record.receives = rows.integer(10) != 0;
  return record;
}

std::optional<MirrorRecord> SqlCatalog::find_mirror(Sql statement, const sqlite::Value& value) {
  Rows rows = ask(statement, {value});
  if (!rows.next()) return std::nullopt;
  return read_record(rows);
}

SqlCatalog::Put SqlCatalog::put_mirror(const MirrorSpec& mirror) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  if (const std::optional<MirrorRecord> there = find_mirror(Sql::mirror_by_name, mirror.name)) {
    if (there->state == MirrorState::terminating || there->state == MirrorState::terminated)
      throw Error(ErrorCode::wrong_state, "mirror \"" + mirror.name + "\" is being dropped",
                  "wait until it is gone, or DROP MIRROR " + mirror.name + " FORCE");
    const std::string difference = differences(there->spec, mirror);
    if (difference.empty()) return Put::unchanged;
    throw Error(ErrorCode::already_exists, "mirror \"" + mirror.name + "\" already exists and differs in " + difference,
                "choose another name, or drop it first: DROP MIRROR " + mirror.name);
  }
  for (const std::string& peer : {mirror.source, mirror.target})
    if (!find_peer(peer)) throw Error(ErrorCode::not_found, "peer \"" + peer + "\" does not exist");
  const std::string setup(to_string(MirrorState::setup));
  run(Sql::insert_mirror, {next_id("mirror"), make_uuid(), mirror.name, mirror.source, mirror.target,
                           mirror_json(mirror), setup, setup, std::string("created"), wall_us()});
  transaction.commit();
  return Put::created;
}

std::optional<MirrorRecord> SqlCatalog::mirror(std::string_view name) {
  Lock lock(mutex_);
  return find_mirror(Sql::mirror_by_name, std::string(name));
}

std::optional<MirrorRecord> SqlCatalog::mirror(MirrorId id) {
  Lock lock(mutex_);
  return find_mirror(Sql::mirror_by_id, id.value);
}

std::vector<MirrorRecord> SqlCatalog::mirrors() {
  Lock lock(mutex_);
  std::vector<MirrorRecord> records;
  for (Rows rows = ask(Sql::all_mirrors, {}); rows.next();) records.push_back(read_record(rows));
  return records;
}

void SqlCatalog::move(MirrorId id, MirrorState from, MirrorState to, std::string_view reason, std::optional<bool> receives) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  constexpr std::int64_t kStays = -1;
  const int changed = run(Sql::move_mirror, {id.value, std::string(to_string(from)), std::string(to_string(to)),
                                             std::string(reason), receives ? std::int64_t{*receives} : kStays});
  if (changed == 0) {
    const std::optional<MirrorRecord> there = find_mirror(Sql::mirror_by_id, id.value);
    if (!there) throw Error(ErrorCode::not_found, "the mirror does not exist");
    throw Error(ErrorCode::wrong_state, "mirror \"" + there->spec.name + "\" is " +
                                            std::string(to_string(there->state)) + ", not " +
                                            std::string(to_string(from)));
  }
  transaction.commit();
}

void SqlCatalog::change_mirror(MirrorId id, const MirrorSpec& spec) {
  Lock lock(mutex_);
  if (run(Sql::set_spec, {id.value, mirror_json(spec)}) == 0)
    throw Error(ErrorCode::wrong_state, "mirror \"" + spec.name + "\" is being dropped");
}

bool SqlCatalog::unmap(MirrorId id, const std::vector<std::string>& sources) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  std::optional<MirrorRecord> there = find_mirror(Sql::mirror_by_id, id.value);
  if (!there) return false;
  const auto goes = [&](const TableMapping& table) { return table.came_later && std::ranges::find(sources, table.source) != sources.end(); };
  if (std::erase_if(there->spec.tables, goes) == 0) return false;
  if (run(Sql::set_spec, {id.value, mirror_json(there->spec)}) == 0) return false;
  transaction.commit();
  return true;
}

void SqlCatalog::set_resume_to(MirrorId id, MirrorState phase) {
  Lock lock(mutex_);
  if (run(Sql::set_resume_to, {id.value, std::string(to_string(phase))}) == 0)
    throw Error(ErrorCode::not_found, "the mirror does not exist");
}

void SqlCatalog::delete_mirror(MirrorId id) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  for (const Sql part :
       {Sql::delete_logs, Sql::delete_batches, Sql::delete_chunks, Sql::delete_tables, Sql::delete_target_notes,
        Sql::delete_samples, Sql::delete_tags, Sql::delete_mirror})
    run(part, {id.value});
  transaction.commit();
}

std::optional<Lease> SqlCatalog::lease(MirrorId id, std::string_view owner, std::chrono::seconds duration) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  const std::int64_t now = wall_us();
  std::optional<Lease> lease;
  {
    const std::int64_t until = now + std::chrono::microseconds(duration).count();
    Rows rows = ask(Sql::lease_mirror, {id.value, std::string(owner), now, until});
    if (rows.next()) lease = Lease{id, static_cast<std::uint64_t>(rows.integer(0)), rows.text(1)};
    while (lease && rows.next()) {
    }
  }
  if (!lease && !find_mirror(Sql::mirror_by_id, id.value))
    throw Error(ErrorCode::not_found, "the mirror does not exist");
  transaction.commit();
  return lease;
}

}  // namespace peerd
