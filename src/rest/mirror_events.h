#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "peerd/base/mutex.h"
#include "peerd/control/control.h"
#include "peerd/net/event_feed.h"

namespace peerd::rest {

/// The mirrors' rows as events, for everybody who listens. One thread looks at them once a second, while somebody does, and
/// sends those that changed; a comment every 15 s tells a listener, and what lies between, that the connection stands.
/// Thread-safe.
class MirrorEvents {
 public:
  /// `mirrors`: the view of that name.
  explicit MirrorEvents(View mirrors, std::chrono::milliseconds each = std::chrono::seconds(1),
                        std::chrono::milliseconds comment_each = std::chrono::seconds(15));

  struct Joined {
    std::shared_ptr<net::EventListener> listener;  ///< nullptr: too many listen.
    std::string beginning;                         ///< Its first event: all mirrors.
  };
  /// The response ends once `allowed` says no, which is asked each second, on the thread.
  Joined join(std::function<bool()> allowed);

 private:
  using Rows = std::map<std::string, std::string>;  ///< Name to JSON.
  struct Guest {
    std::weak_ptr<net::EventListener> listener;
    std::function<bool()> allowed;
  };
  void run(const std::stop_token& stop);
  Rows look() const;
  void tell_changes() PEERD_REQUIRES(mutex_);
  void send_off() PEERD_REQUIRES(mutex_);  ///< Those who have gone, or may listen no longer.
  void send_all_off() PEERD_REQUIRES(mutex_);

  const View mirrors_;
  const std::chrono::milliseconds each_, comment_each_;
  net::EventFeed feed_;
  Mutex mutex_;
  Condition never_;  ///< A sleep that a stop ends.
  Rows told_ PEERD_GUARDED_BY(mutex_);
  std::vector<Guest> guests_ PEERD_GUARDED_BY(mutex_);
  bool running_ PEERD_GUARDED_BY(mutex_) = false;
  std::jthread thread_;  ///< Last: it uses the rest.
};

}  // namespace peerd::rest
