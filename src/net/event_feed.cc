#include "peerd/net/event_feed.h"

#include <utility>

namespace peerd::net {

void EventListener::attach(std::function<void(std::string)> sink) {
  const Lock lock(mutex_);
  sink_ = std::move(sink);
  if (!waiting_.empty()) sink_(std::exchange(waiting_, {}));
  if (ended_) sink_({});
}

void EventListener::detach() {
  std::function<void(std::string)> dropped;  // Destroyed without the lock: it may hold the last of much.
  const Lock lock(mutex_);
  sink_.swap(dropped);
  ended_ = true;
}

void EventListener::end() {
  const Lock lock(mutex_);
  if (ended_) return;
  ended_ = true;
  if (sink_) sink_({});
}

void EventListener::take(const std::string& text) {
  const Lock lock(mutex_);
  if (ended_ || text.empty()) return;
  if (sink_) {
    sink_(text);
  } else {
    waiting_ += text;
  }
}

std::shared_ptr<EventListener> EventFeed::listen() {
  const Lock lock(mutex_);
  std::erase_if(all_, [](const auto& one) { return one.expired(); });
  if (all_.size() >= most_) return nullptr;
  auto listener = std::make_shared<EventListener>();
  all_.push_back(listener);
  return listener;
}

void EventFeed::publish(const std::string& text) {
  std::vector<std::shared_ptr<EventListener>> all;
  {
    const Lock lock(mutex_);
    all = present();
  }
  for (const auto& listener : all) listener->take(text);
}

std::size_t EventFeed::listeners() const {
  const Lock lock(mutex_);
  return present().size();
}

std::vector<std::shared_ptr<EventListener>> EventFeed::present() const {
  std::vector<std::shared_ptr<EventListener>> all;
  for (const auto& one : all_) {
    if (auto listener = one.lock()) all.push_back(std::move(listener));
  }
  return all;
}

}  // namespace peerd::net
