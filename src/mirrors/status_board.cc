#include "status_board.h"

#include <algorithm>

namespace peerd {
namespace {

MirrorStatus shown(MirrorStatus status) {
  if (!status.receiving.empty()) status.step += (status.step.empty() ? "" : "; ") + status.receiving;
  return status;
}

}  // namespace

void StatusBoard::put(MirrorStatus status) {
  Lock lock(mutex_);
  const MirrorId id = status.id;
  board_[id] = std::move(status);
  changed_.notify_all();
}

void StatusBoard::remove(MirrorId mirror, std::vector<std::string> left) {
  Lock lock(mutex_);
  board_.erase(mirror);
  if (!left.empty()) left_[mirror] = std::move(left);
  changed_.notify_all();
}

std::vector<std::string> StatusBoard::take_left(MirrorId mirror) {
  Lock lock(mutex_);
  auto node = left_.extract(mirror);
  return node ? std::move(node.mapped()) : std::vector<std::string>{};
}

void StatusBoard::update(MirrorId mirror, const std::function<void(MirrorStatus&)>& change) {
  Lock lock(mutex_);
  const auto found = board_.find(mirror);
  if (found == board_.end()) return;
  change(found->second);
  changed_.notify_all();
}

std::optional<MirrorStatus> StatusBoard::get(MirrorId mirror) const {
  Lock lock(mutex_);
  const auto found = board_.find(mirror);
  if (found == board_.end()) return std::nullopt;
  return shown(found->second);
}

std::vector<MirrorStatus> StatusBoard::all() const {
  std::vector<MirrorStatus> statuses;
  {
    Lock lock(mutex_);
    for (const auto& [id, status] : board_) statuses.push_back(shown(status));
  }
  std::sort(statuses.begin(), statuses.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return statuses;
}

bool StatusBoard::await(MirrorId mirror, const std::function<bool(const std::optional<MirrorStatus>&)>& done,
                        const Wait& wait) const {
  std::unique_lock<Mutex> lock(mutex_);
  return changed_.wait_until(lock, wait.stop, wait.until, [&] {
    const auto found = board_.find(mirror);
    return done(found == board_.end() ? std::nullopt : std::optional(found->second));
  });
}

}  // namespace peerd
