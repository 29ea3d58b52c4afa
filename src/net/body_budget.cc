#include "body_budget.h"

namespace peerd::net {

bool BodyBudget::take(std::string_view address, std::size_t bytes) {
  if (taken_ + bytes > most_) return false;
  auto found = by_address_.find(address);
  if (found == by_address_.end()) found = by_address_.emplace(address, 0).first;
  if (found->second + bytes > most_ / 2) return false;
  found->second += bytes;
  taken_ += bytes;
  return true;
}

void BodyBudget::give_back(std::string_view address, std::size_t bytes) {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return;
  found->second -= bytes;
  taken_ -= bytes;
  if (found->second == 0) by_address_.erase(found);
}

}  // namespace peerd::net
