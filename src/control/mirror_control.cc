#include "mirror_check.h"
#include "names.h"
#include "peerd/control/control.h"

namespace peerd {

namespace {

Error no_such_mirror(std::string_view name, Catalog& catalog) {
  std::vector<std::string> names;
  for (const MirrorRecord& record : catalog.mirrors()) names.push_back(record.spec.name);
  return no_such("mirror", name, names);
}

}  // namespace

/// A drop that is quick is waited for: what comes after it finds the name free.
bool MirrorControl::being_dropped(std::string_view name, const Wait& wait) {
  const std::optional<MirrorRecord> record = catalog_.mirror(name);
  if (!record || (record->state != MirrorState::terminating && record->state != MirrorState::terminated)) return false;
  constexpr std::chrono::seconds kQuick{5};
  supervisor_.await(record->id, MirrorState::terminated, wait.shorter(kQuick));
  return catalog_.mirror(record->id).has_value();
}

Done MirrorControl::create(const MirrorRequest& request, IfExists if_not_exists, const Wait& wait) {
  if (being_dropped(request.name, wait)) {
    const MirrorStatus status = status_of(record(request.name));
    throw Error(ErrorCode::wrong_state,
                "mirror \"" + request.name + "\" is being dropped" + (status.last_error ? ": " + status.last_error->message : ""),
                "wait until it is gone, or DROP MIRROR " + request.name + " FORCE");
  }
  const bool there = catalog_.mirror(request.name).has_value();
  if (there && if_not_exists == IfExists::yes) return Done::was_there;
  const Ends ends{catalog_.peer(request.source), catalog_.peer(request.target)};
  Declared declared = declare_mirror(request, ends, catalog_, connectors_);
  const MirrorSpec& spec = declared.spec;
  // What exists is compared, not checked again: a repeated statement works while a server is down.
  if (there) throw_if_any(declared.problems);
  if (!there) check_mirror(declared, ends, catalog_, connectors_, wait);
  {
    Lock lock(creating_);
    if (!there) throw_if_any(check_free(spec, ends, catalog_.mirrors(), connectors_));
    if (catalog_.put_mirror(spec) == Catalog::Put::unchanged) return Done::was_there;
  }
  supervisor_.start(record(spec.name).id);
  return Done::done;
}

void MirrorControl::validate(const MirrorRequest& request, const Wait& wait) {
  if (catalog_.mirror(request.name)) {
    throw Error(ErrorText{.code = ErrorCode::already_exists,
                          .message = "mirror \"" + request.name + "\" exists already",
                          .hint = "choose another name, or drop it first",
                          .field = "flow_job_name"});
  }
  const Ends ends{catalog_.peer(request.source), catalog_.peer(request.target)};
  Declared declared = declare_mirror(request, ends, catalog_, connectors_);
  check_mirror(declared, ends, catalog_, connectors_, wait);
}

Done MirrorControl::request(std::string_view name, MirrorEvent event, IfExists if_exists, const Wait& wait,
                            std::vector<std::string>* left) {
  const std::optional<MirrorRecord> there = catalog_.mirror(name);
  if (!there && if_exists == IfExists::yes) return Done::was_absent;
  if (!there) throw no_such_mirror(name, catalog_);
  supervisor_.request(there->id, event);
  if (pauses(event)) await(*there, MirrorState::paused, wait);
  if (drops(event)) await(*there, MirrorState::terminated, wait);
  if (left) *left = supervisor_.left_behind(there->id);
  const std::optional<MirrorRecord> now = catalog_.mirror(there->id);
  return now && now->state == there->state && now->receives == there->receives ? Done::was_there : Done::done;
}

void MirrorControl::await(const MirrorRecord& record, MirrorState state, const Wait& wait) {
  const std::string name = "mirror \"" + record.spec.name + "\"";
  const std::string look = "it goes on in the background: SELECT state, step, last_error FROM mirrors WHERE name = '" +
                           record.spec.name + "'";
  try {
    if (supervisor_.await(record.id, state, wait)) return;
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::timeout) throw;
  }
  const MirrorStatus status = status_of(record);
  const std::string still = name + " is still " + std::string(to_string(status.state));
  if (status.failing && status.last_error) {
    ErrorText text = *status.last_error;
    text.message = still + ": " + text.message;
    if (text.hint.empty()) text.hint = look;
    // The mirror is there: what its peer lacks must not read as if it were not.
    if (text.code == ErrorCode::not_found) text.code = ErrorCode::wrong_state;
    const std::string force = "DROP MIRROR " + record.spec.name + " FORCE";
    if (state == MirrorState::terminated && text.hint.find(force) == std::string::npos)
      text.hint += "; when it is gone for ever: " + force;
    throw Error(text);
  }
  if (wait.expired()) throw Error(ErrorCode::timeout, still + (status.step.empty() ? "" : ": " + status.step), look);
  throw Error(ErrorCode::wrong_state,
              name + " is " + std::string(to_string(status.state)) + ", not " + std::string(to_string(state)),
              status.reason);
}

MirrorStatus MirrorControl::status_of(const MirrorRecord& record) const {
  try {
    return supervisor_.status(record.id);
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::not_found) throw;
    return peerd::status_of(record);  // Its threads do not show anything yet.
  }
}

MirrorStatus MirrorControl::status(std::string_view name) { return status_of(record(name)); }

std::vector<MirrorStatus> MirrorControl::list() {
  std::vector<MirrorStatus> statuses;
  for (const MirrorRecord& record : catalog_.mirrors()) statuses.push_back(status_of(record));
  return statuses;
}

MirrorRecord MirrorControl::record(std::string_view name) {
  if (auto there = catalog_.mirror(name)) return std::move(*there);
  throw no_such_mirror(name, catalog_);
}

}  // namespace peerd
