#include "retry_policy.h"

#include <algorithm>

namespace peerd {

Verdict verdict_of(const ErrorText& error) {
  return retry_of(error) == Retry::later ? Verdict::retry : Verdict::ask_operator;
}

std::chrono::milliseconds Backoff::next() {
  constexpr std::chrono::milliseconds kFirst{250};
  constexpr unsigned kMostDoublings = 20;
  const auto full = std::min(most_, kFirst * (1u << std::min(failures_, kMostDoublings)));
  ++failures_;
  const auto half = full.count() / 2;
  return std::chrono::milliseconds(half + std::uniform_int_distribution<long long>(0, full.count() - half)(random_));
}

}  // namespace peerd
