#include "copy_receiver.h"

#include "resync.h"
#include "retry_policy.h"
#include "spooled_stream.h"

namespace peerd {
namespace {

/// Nothing of the source's will make this go on.
bool is_final(const ErrorText& error) { return error.code == ErrorCode::position_lost || error.code == ErrorCode::fenced; }

}  // namespace

void CopyReceiver::start() {
  if (thread_.joinable() || !copy_.another_source) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void CopyReceiver::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  thread_ = {};
  say("");
}

void CopyReceiver::run(const std::stop_token& stop) {
  Backoff backoff(copy_.retry_most, static_cast<unsigned>(std::hash<std::string>{}(copy_.record.uuid)));
  do {
    try {
      return receive(stop);
    } catch (const Stopped&) {
      return;
    } catch (...) {
      const ErrorText error = current_error();
      // A RESYNC that was asked for leaves the slot anyway.
      if (is_final(error) && !may_lose_slot(copy_.catalog.progress(copy_.record.id))) return fail_(std::current_exception());
      say("receiving nothing beside it: " + error.message);
      if (told_.insert(error.message).second)
        warn(copy_, "nothing is received while tables are copied: " + error.message,
             "the copy goes on, and the source keeps the WAL meanwhile" + (error.hint.empty() ? "" : "; " + error.hint));
    }
  } while (system_clock().sleep_until(std::chrono::steady_clock::now() + backoff.next(), stop));
}

void CopyReceiver::receive(const std::stop_token& stop) {
  const std::unique_ptr<Source> source = copy_.another_source();
  PhaseContext context{MirrorContext{copy_.record, copy_.lease, copy_.catalog, copy_.target, copy_.board, copy_.observer,
                                     &MirrorStatus::receiving},
                       *source, copy_.batch_bytes, copy_.queue_bytes, copy_.spool_directory};
  if (await_need_to_receive(context, stop)) receive_beside_copy(context, stop);
}

void CopyReceiver::say(const std::string& words) {
  copy_.board.update(copy_.record.id, [&](MirrorStatus& status) { status.receiving = words; });
}

}  // namespace peerd
