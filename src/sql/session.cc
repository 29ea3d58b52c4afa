#include "session.h"

#include <openssl/crypto.h>

#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "peerd/base/version.h"
#include "startup_options.h"

namespace peerd::sql {
namespace {

constexpr std::chrono::seconds kLogInTime{60};
/// What a client sets in its start-up message. Throws StatementError, as Postgres does, for a name that is no setting's
/// and for anything in `options` that is not followed. Other values that are not followed (an encoding, a time zone,
/// which drivers send of themselves) are passed over: ParameterStatus tells what holds instead.
Settings settings_of(const StartupParameters& parameters) {
  const auto user = parameters.find("user"), options = parameters.find("options");
  Settings settings(server_version(), user == parameters.end() ? "" : user->second);
  if (options != parameters.end()) {
    for (const auto& [name, value] : read_startup_options(options->second)) settings.set(name, value);
  }
  for (const auto& [name, value] : parameters) {
    if (name == "user" || name == "database" || name == "options" || name == "replication" || value.empty()) continue;
    try {
      settings.set(to_lower(name), value);
    } catch (const StatementError& error) {
      if (error.sqlstate != "22023") throw;
    }
  }
  return settings;
}

}  // namespace

std::string server_version() { return std::string("14.0 (peerd ") + kVersion + ")"; }

Shared::Shared(SqlDeps deps) : deps_(std::move(deps)) {
  if (!deps_.password.empty()) verifier_ = ScramVerifier::of(deps_.password);
  deps_.password.clear();
}

Login::CancelKey Shared::enter(const std::weak_ptr<Session>& session) {
  const std::string secret = random_bytes(4);
  const Lock lock(mutex_);
  while (++last_process_ == 0 || last_process_ > 0x7FFFFFFF || entries_.contains(last_process_)) {
    if (last_process_ > 0x7FFFFFFF) last_process_ = 0;
  }
  entries_[last_process_] = {secret, session};
  return {last_process_, secret};
}

void Shared::leave(std::uint32_t process) {
  const Lock lock(mutex_);
  entries_.erase(process);
}

void Shared::cancel(const Login::CancelKey& key) {
  std::shared_ptr<Session> session;
  {
    const Lock lock(mutex_);
    const auto found = entries_.find(key.process);
    if (found == entries_.end() || found->second.secret.size() != key.secret.size()) return;
    if (CRYPTO_memcmp(found->second.secret.data(), key.secret.data(), key.secret.size()) != 0) return;
    session = found->second.session.lock();
  }
  if (session) session->cancel();
}

Session::Session(std::shared_ptr<Shared> shared, std::shared_ptr<net::Connection> connection)
    : shared_(std::move(shared)),
      connection_(std::move(connection)),
      stop_(connection_->gone()),
      login_(shared_->verifier(), {connection_->remote(), shared_->deps().attempts}, [this](const Login::CancelKey& key) { shared_->cancel(key); }) {
  connection_->close_after(kLogInTime);
}

std::size_t Session::on_bytes(std::string_view bytes) {
  const std::size_t offered = bytes.size();
  if (ended_) return offered;
  try {
    while (!dialogue_) {
      if (log_in(bytes) == Go::wait) return ended_ ? offered : offered - bytes.size();
    }
    take_messages(bytes);
  } catch (const StatementError& error) {
    end(error.sqlstate, error.text.message);
    return offered;
  }
  start_work();
  return offered - bytes.size();
}

void Session::on_closed() {
  if (process_ != 0) shared_->leave(process_);
}

/// One message of the log in.
Session::Go Session::log_in(std::string_view& bytes) {
  const auto frame = take_frame(bytes, login_.stage());
  if (!frame) return Go::wait;
  Output out;
  auto next = login_.handle(*frame, out, connection_->tls_available());
  if (next == Login::Next::ready && !begin_dialogue(out)) next = Login::Next::close;
  if (!out.bytes.empty()) connection_->send(std::move(out.bytes));
  if (next == Login::Next::start_tls) {
    connection_->start_tls();
    return Go::wait;
  }
  if (next == Login::Next::close) {
    ended_ = true;
    connection_->close_when_sent();
    return Go::wait;
  }
  return Go::on;
}

/// False when the start-up parameters cannot be followed: then the reason is in `out`.
bool Session::begin_dialogue(Output& out) {
  const auto& parameters = login_.parameters();
  std::optional<Settings> settings;
  try {
    settings = settings_of(parameters);
  } catch (const StatementError& error) {
    fatal(out, error.sqlstate, error.text.message, error.text.hint);
    return false;
  }
  const auto key = shared_->enter(weak_from_this());
  process_ = key.process;
  connection_->close_after(std::chrono::milliseconds(0));
  for (const auto& [name, value] : settings->reported()) out.parameter_status(name, value);
  out.backend_key(key.process, key.secret);
  out.ready('I');
  SessionFacts facts;
  facts.version = "PostgreSQL " + server_version();
  facts.user = parameters.at("user");
  const auto database = parameters.find("database");
  facts.database = database == parameters.end() || database->second.empty() ? facts.user : database->second;
  facts.process = key.process;
  dialogue_.emplace(shared_->deps(), *connection_, stop_, std::move(facts), std::move(*settings));
  return true;
}

void Session::take_messages(std::string_view& bytes) {
  while (auto frame = take_frame(bytes, Stage::messages)) {
    const Lock lock(mutex_);
    queue_.push_back(std::move(*frame));
  }
}

void Session::start_work() {
  {
    const Lock lock(mutex_);
    if (busy_ || queue_.empty()) return;
    busy_ = true;
  }
  connection_->pause_reading();
  if (shared_->deps().operators.post([self = shared_from_this()] { self->work(); })) return;
  while (auto frame = next_frame()) {
    if (frame->type == 'X') return connection_->close_when_sent();
    dialogue_->reject(*frame);
  }
  dialogue_->flush();
  connection_->resume_reading();
}

/// nullopt when the queue is empty; from then on this session is not busy.
std::optional<Frame> Session::next_frame() {
  const Lock lock(mutex_);
  if (queue_.empty()) {
    busy_ = false;
    return std::nullopt;
  }
  Frame frame = std::move(queue_.front());
  queue_.pop_front();
  return frame;
}

void Session::work() {
  try {
    for (;;) {
      bool last = false;
      {
        const Lock lock(mutex_);
        last = queue_.empty();
      }
      if (last) dialogue_->flush();  // While still busy: the output has one user.
      const auto frame = next_frame();
      if (!frame) break;
      if (dialogue_->handle(*frame) == Dialogue::Next::go_on) continue;
      dialogue_->flush();
      return connection_->close_when_sent();
    }
    connection_->resume_reading();
  } catch (const Stopped&) {
    // The connection is gone.
  } catch (...) {
    log(LogLevel::error, "a connection of the SQL port ends: " + current_error().message);
    connection_->close_when_sent();
  }
}

void Session::end(std::string_view sqlstate, std::string message) {
  ended_ = true;
  Output out;
  fatal(out, sqlstate, std::move(message));
  connection_->send(std::move(out.bytes));
  connection_->close_when_sent();
}

}  // namespace peerd::sql
