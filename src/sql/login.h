#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "peerd/net/attempt_limit.h"
#include "scram.h"
#include "wire.h"

namespace peerd::sql {

/// What a client said of itself at start-up.
using StartupParameters = std::map<std::string, std::string>;

/// A connection up to its log in: TLS and GSS requests, the start-up message, SCRAM. Lives on the io thread; cheap.
class Login {
 public:
  struct CancelKey {
    std::uint32_t process;
    std::string secret;
  };
  /// Who knocks: its address, and what counts its wrong passwords.
  struct Caller {
    std::string remote;
    net::AttemptLimit& attempts;
  };
  /// `verifier` null: everybody is let in. `cancel` gets the key of a CancelRequest.
  Login(const ScramVerifier* verifier, Caller caller, std::function<void(const CancelKey&)> cancel)
      : verifier_(verifier), caller_(std::move(caller)), cancel_(std::move(cancel)) {}

  enum class Next {
    go_on,
    start_tls,  ///< Answered 'S': a handshake follows, when nothing is left to read.
    ready,      ///< Logged in; AuthenticationOk is in `out`.
    close
  };
  Next handle(const Frame& frame, Output& out, bool tls_available);
  Stage stage() const { return phase_ == Phase::startup ? Stage::startup : Stage::log_in; }
  const StartupParameters& parameters() const { return parameters_; }

 private:
  enum class Phase { startup, sasl_first, sasl_final };
  Next startup(const Frame& frame, Output& out, bool tls_available);
  Next read_parameters(FieldReader reader, std::int32_t version, Output& out);
  Next sasl_first(const Frame& frame, Output& out);
  Next sasl_final(const Frame& frame, Output& out);

  const ScramVerifier* verifier_;
  Caller caller_;
  std::function<void(const CancelKey&)> cancel_;
  Phase phase_ = Phase::startup;
  bool encryption_asked_ = false;
  StartupParameters parameters_;
  std::optional<ScramExchange> exchange_;
};

/// A FATAL ErrorResponse.
void fatal(Output& out, std::string_view sqlstate, std::string message, std::string hint = {});

}  // namespace peerd::sql
