#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/base/clock.h"
#include "statement_error.h"
#include "wire.h"

namespace peerd::sql {

using Cells = std::span<const std::optional<std::string_view>>;

/// Where a statement's results go. row() may block: that is the back pressure.
class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  virtual void columns(std::span<const ResultColumn> columns) = 0;  ///< Once, before the first row; not without rows.
  virtual void row(Cells cells) = 0;
  virtual void notice(const Report& notice) = 0;
  virtual void parameter_status(std::string_view name, std::string_view value) = 0;
};

/// A statement with its parameters, ready to run. One statement's thread owns it.
class Runnable {
 public:
  virtual ~Runnable() = default;
  /// Its columns without running it; empty when it gives no rows.
  virtual std::vector<ResultColumn> columns(const Wait& wait) = 0;
  /// Its tag; nullopt when it stopped after `most` rows (0 = all) and goes on with the next call.
  virtual std::optional<std::string> run(ResultWriter& writer, std::uint64_t most, const Wait& wait) = 0;
};

}  // namespace peerd::sql
