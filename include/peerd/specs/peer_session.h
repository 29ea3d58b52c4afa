#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "peerd/base/clock.h"
#include "peerd/base/error.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

/// Rows of a query against a peer, pushed as they come, text cells. row() may block: that is the back pressure.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void columns(std::span<const std::string> names) = 0;
  virtual void row(std::span<const std::optional<std::string_view>> cells) = 0;
};

/// One connection to a peer on behalf of an operator: checks, browsing, `SELECT … FROM peer.s.t`.
/// One statement's thread owns it. Unsupported requests throw Error (not_supported) that says so.
class PeerSession {
 public:
  virtual ~PeerSession() = default;
  virtual Problems check(const Wait&) = 0;  ///< Reach, TLS, login, version, right protocol on that port.
  virtual std::string server_version(const Wait&) = 0;
  virtual void query(std::string_view sql, RowSink&, const Wait&) = 0;
};

}  // namespace peerd
