#include "login.h"

#include "peerd/base/log.h"

namespace peerd::sql {
namespace {

constexpr std::int32_t kCancelCode = 80877102, kTlsCode = 80877103, kGssCode = 80877104;
constexpr std::int32_t kSasl = 10, kSaslContinue = 11, kSaslFinal = 12;
constexpr std::string_view kMechanism = "SCRAM-SHA-256";

}  // namespace

void fatal(Output& out, std::string_view sqlstate, std::string message, std::string hint) {
  Report report;
  report.severity = "FATAL";
  report.sqlstate = sqlstate;
  report.message = std::move(message);
  report.hint = std::move(hint);
  out.report('E', report);
}

Login::Next Login::handle(const Frame& frame, Output& out, bool tls_available) {
  try {
    switch (phase_) {
      case Phase::startup:
        return startup(frame, out, tls_available);
      case Phase::sasl_first:
        return sasl_first(frame, out);
      case Phase::sasl_final:
        return sasl_final(frame, out);
    }
  } catch (const StatementError& error) {
    fatal(out, error.sqlstate, error.text.message, error.text.hint);
  }
  return Next::close;
}

Login::Next Login::startup(const Frame& frame, Output& out, bool tls_available) {
  FieldReader reader(frame.body);
  const std::int32_t code = reader.int32();
  if (code == kCancelCode) {
    const auto process = static_cast<std::uint32_t>(reader.int32());
    cancel_({process, std::string(reader.rest())});
    return Next::close;
  }
  if (code == kTlsCode || code == kGssCode) {
    const bool tls = code == kTlsCode && tls_available && !encryption_asked_;
    if (tls) encryption_asked_ = true;
    out.bytes += tls ? 'S' : 'N';
    return tls ? Next::start_tls : Next::go_on;
  }
  if (code >> 16 != 3) {
    throw StatementError("0A000", "unsupported frontend protocol " + std::to_string(code >> 16) + "." +
                                      std::to_string(code & 0xFFFF) + ": server supports 3.0");
  }
  return read_parameters(reader, code & 0xFFFF, out);
}

Login::Next Login::read_parameters(FieldReader reader, std::int32_t minor, Output& out) {
  std::vector<std::string> unknown;
  for (;;) {
    const std::string name(reader.text());
    if (name.empty()) break;
    const std::string value(reader.text());
    if (!valid_utf8(name) || !valid_utf8(value)) throw StatementError("22021", "start-up parameters are not UTF-8");
    if (name.starts_with("_pq_.")) {
      unknown.push_back(name);
    } else {
      parameters_[name] = value;
    }
  }
  reader.expect_end();
  if (parameters_["user"].empty()) throw StatementError("28000", "no user name specified in startup packet");
  const std::string replication = parameters_["replication"];
  if (!replication.empty() && replication != "false" && replication != "off" && replication != "no" &&
      replication != "0") {
    throw not_supported("replication connections are not supported", "connect to the source server itself");
  }
  if (minor > 0 || !unknown.empty()) out.negotiate(0, unknown);
  if (!verifier_) {
    out.authentication(0);
    return Next::ready;
  }
  if (!caller_.attempts.may_try(caller_.remote)) {
    throw StatementError("28P01", "too many wrong passwords from this address",
                         "wait a few seconds, and check the password");
  }
  out.authentication(kSasl, std::string(kMechanism) + '\0' + '\0');
  phase_ = Phase::sasl_first;
  return Next::go_on;
}

Login::Next Login::sasl_first(const Frame& frame, Output& out) {
  if (frame.type != 'p') throw StatementError("08P01", "expected SASL response, got another message");
  FieldReader reader(frame.body);
  if (reader.text() != kMechanism)
    throw StatementError("08P01", "client selected an invalid SASL authentication mechanism");
  const std::int32_t length = reader.int32();
  if (length < 0) throw StatementError("08P01", "the SASL response is missing");
  const auto message = reader.bytes(static_cast<std::size_t>(length));
  reader.expect_end();
  exchange_.emplace(*verifier_);
  out.authentication(kSaslContinue, exchange_->first(message));
  phase_ = Phase::sasl_final;
  return Next::go_on;
}

Login::Next Login::sasl_final(const Frame& frame, Output& out) {
  if (frame.type != 'p') throw StatementError("08P01", "expected SASL response, got another message");
  const std::string proof = exchange_->final(frame.body);
  if (proof.empty()) {
    caller_.attempts.failed(caller_.remote);
    log(LogLevel::warning, "a wrong password came to the SQL port from " + caller_.remote);
    fatal(out, "28P01", "password authentication failed for user \"" + parameters_["user"] + "\"");
    return Next::close;
  }
  out.authentication(kSaslFinal, proof);
  out.authentication(0);
  return Next::ready;
}

}  // namespace peerd::sql
