#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace peerd::ssh {

/// A program that ends with peerd, however peerd ends. Its standard input is empty; what it says to standard error is kept.
/// Used by one thread at a time.
class Child {
 public:
  /// `environment`: "NAME=value", and nothing of peerd's own. Throws internal when no process can be made.
  Child(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);
  ~Child();  ///< Ends it, within two seconds.
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool runs();  ///< Takes what it has said in passing.
  const std::string& said() const { return said_; }  ///< Its last 2 KiB.

 private:
  pid_t keeper_ = -1;
  int holds_ = -1;  ///< While it is open the program runs.
  int says_ = -1;
  bool ended_ = false;
  std::string said_;
};

}  // namespace peerd::ssh
