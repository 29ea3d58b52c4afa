#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peerd::sql {

/// What SET and SHOW work on. Drivers set much that means nothing here: it is kept and shown again. What would change
/// the form or the meaning of results and is not followed (another encoding, date style or time zone) is refused, and so
/// is a name that Postgres's clients do not use.
class Settings {
 public:
  Settings(std::string server_version, std::string user);

  /// Throws StatementError: 42704 for a name that is not known, 22023 for a value that is not followed, 55P02 for what
  /// cannot be set, 53400 for too many.
  void set(const std::string& name, const std::string& value);
  void reset(const std::string& name);  ///< "all" too.
  std::optional<std::string> get(const std::string& name) const;
  std::vector<std::pair<std::string, std::string>> all() const;
  std::chrono::milliseconds statement_timeout() const { return statement_timeout_; }  ///< 0 = none.
  /// The name that ParameterStatus reports it by, "" when it is not reported.
  static std::string_view reported_name(std::string_view name);
  /// What is reported at log in.
  std::vector<std::pair<std::string, std::string>> reported() const;

 private:
  void check_name(const std::string& name) const;

  std::map<std::string, std::string> defaults_, set_;
  std::chrono::milliseconds statement_timeout_{0};
};

}  // namespace peerd::sql
