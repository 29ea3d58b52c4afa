#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "peerd/base/mutex.h"

namespace peerd::net {

/// One response that goes on: it gets what is published from listen() on, in order. Whoever holds it listens.
class EventListener {
 public:
  /// Gives each text to `sink`, on the publisher's thread, what has waited first; called by the session that sends it. `sink` must
  /// not block; an empty text means that the feed has ended for this listener.
  void attach(std::function<void(std::string)> sink);
  void detach();  ///< No call of the sink begins after it.
  void end();     ///< The response ends, for this listener alone.

 private:
  friend class EventFeed;
  void take(const std::string& text);

  Mutex mutex_;
  std::function<void(std::string)> sink_ PEERD_GUARDED_BY(mutex_);
  std::string waiting_ PEERD_GUARDED_BY(mutex_);  ///< Until there is a sink.
  bool ended_ PEERD_GUARDED_BY(mutex_) = false;
};

/// Texts for everybody who listens, such as the events of a text/event-stream. Thread-safe. An HttpReply that carries a
/// listener is sent head and body first, without a length, and then whatever is published, by the io thread: no operator is held. A client
/// for whom more than 1 MiB waits is cut off.
class EventFeed {
 public:
  explicit EventFeed(std::size_t most = 200) : most_(most) {}
  /// nullptr when `most` listen already.
  std::shared_ptr<EventListener> listen();
  void publish(const std::string& text);
  std::size_t listeners() const;

 private:
  std::vector<std::shared_ptr<EventListener>> present() const PEERD_REQUIRES(mutex_);

  const std::size_t most_;
  mutable Mutex mutex_;
  std::vector<std::weak_ptr<EventListener>> all_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd::net
