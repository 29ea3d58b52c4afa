#include "mirror_events.h"

#include <pthread.h>

#include "peerd/base/error.h"
#include "peerd/base/log.h"
#include "view_json.h"

namespace peerd::rest {
namespace {

using std::chrono::steady_clock;

std::string event(std::string_view name, const std::string& items) {
  return "event: " + std::string(name) + "\ndata: [" + items + "]\n\n";
}

void append(std::string& items, const std::string& item) {
  if (!items.empty()) items += ',';
  items += item;
}

}  // namespace

MirrorEvents::MirrorEvents(View mirrors, std::chrono::milliseconds each, std::chrono::milliseconds comment_each)
    : mirrors_(std::move(mirrors)), each_(each), comment_each_(comment_each) {}

MirrorEvents::Joined MirrorEvents::join(std::function<bool()> allowed) {
  const Lock lock(mutex_);
  Joined joined{feed_.listen(), "retry: 2000\n"};
  if (!joined.listener) return joined;
  if (!running_) {
    told_ = look();
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });  // The one before has ended.
    running_ = true;
  }
  guests_.push_back({joined.listener, std::move(allowed)});
  std::string items;
  for (const auto& [name, row] : told_) append(items, row);
  joined.beginning += event("mirrors", items);
  return joined;
}

void MirrorEvents::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "events");
  auto next_look = steady_clock::now() + each_, next_comment = steady_clock::now() + comment_each_;
  const Lock lock(mutex_);
  for (;;) {
    never_.wait_until(mutex_, stop, next_look, [] { return false; });
    if (stop.stop_requested()) return;
    next_look = steady_clock::now() + each_;
    send_off();
    if (!guests_.empty()) tell_changes();
    if (guests_.empty()) break;
    if (steady_clock::now() < next_comment) continue;
    feed_.publish(": peerd is there\n\n");
    next_comment = steady_clock::now() + comment_each_;
  }
  running_ = false;
  told_.clear();
}

MirrorEvents::Rows MirrorEvents::look() const {
  Rows rows;
  for (const auto& row : mirrors_.rows()) rows.emplace(row.front().value_or(""), row_json(mirrors_, row));
  return rows;
}

void MirrorEvents::tell_changes() {
  Rows now;
  try {
    now = look();
  } catch (...) {
    log(LogLevel::error, "the mirrors cannot be looked at for those who listen: " + current_error().message);
    send_all_off();
    return;
  }
  std::string changed, gone;
  for (const auto& [name, row] : now) {
    const auto before = told_.find(name);
    if (before == told_.end() || before->second != row) append(changed, row);
  }
  for (const auto& [name, row] : told_) {
    if (!now.contains(name)) append(gone, json_text(name));
  }
  told_ = std::move(now);
  if (!changed.empty()) feed_.publish(event("mirrors", changed));
  if (!gone.empty()) feed_.publish(event("gone", gone));
}

/// They come again, and are told why they cannot be told more: silence would look as if nothing happened.
void MirrorEvents::send_all_off() {
  for (const Guest& guest : guests_) {
    if (const auto listener = guest.listener.lock()) listener->end();
  }
  guests_.clear();
}

void MirrorEvents::send_off() {
  std::erase_if(guests_, [](const Guest& guest) {
    const auto listener = guest.listener.lock();
    if (listener && guest.allowed()) return false;
    if (listener) listener->end();
    return true;
  });
}

}  // namespace peerd::rest
