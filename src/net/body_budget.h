#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace peerd::net {

/// What the bodies of all requests of one port may hold together, one address at most half of it. The io thread's alone.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t most = 64 << 20) : most_(most) {}
  bool take(std::string_view address, std::size_t bytes);
  void give_back(std::string_view address, std::size_t bytes);

 private:
  const std::size_t most_;
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t, std::less<>> by_address_;
};

}  // namespace peerd::net
