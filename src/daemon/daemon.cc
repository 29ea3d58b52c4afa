#include "daemon.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

#include "log_observer.h"
#include "peerd/base/log.h"
#include "peerd/base/version.h"
#include "peerd/control/control.h"
#include "peerd/net/server.h"
#include "peerd/rest/rest_server.h"
#include "peerd/sql/sql_server.h"
#include "ports_file.h"
#include "signals.h"
#include "wiring.h"

namespace peerd::daemon {
namespace {

std::string read_file(const std::string& path, const char* what) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) {
    throw Error(ErrorCode::invalid_option, std::string(what) + ": cannot read " + path,
                "check the path and who may read it");
  }
  return text.str();
}

void make_data_dir(const std::string& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (!error && made) std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  if (error || access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    const std::string why = error ? error.message() : std::generic_category().message(errno);
    throw Error(ErrorCode::invalid_option, "the data directory " + path + " cannot be used: " + why,
                "set PEERD_DATA_DIR to a directory that this user may write to");
  }
}

// A connection is a descriptor, and the usual soft limit of 1024 is less than what we accept.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

SecretBox secrets_of(const Settings& settings) {
  return settings.keys.empty() ? SecretBox::from_file(settings.data_dir + "/keys")
                               : SecretBox::from_text(settings.keys);
}

// Everything that runs, built lowest first and destroyed in the opposite order.
class Daemon {
 public:
  explicit Daemon(const Settings& settings)
      : settings_(settings),
        connectors_(make_connectors()),
        catalog_(open_catalog(settings.catalog, secrets_of(settings), connectors_)),
        observer_([this](MirrorId id) {
          const auto record = catalog_->mirror(id);
          return record ? record->spec.name : std::string();
        }),
        supervisor_(Supervisor::make(*catalog_, connectors_, observer_,
                                     {.memory_bytes = settings.memory_bytes, .retry_max = settings.retry_max})),
        peers_(*catalog_, connectors_),
        mirrors_(*catalog_, connectors_, *supervisor_) {}

  void start() {
    net::TlsServerOptions tls;
    if (!settings_.tls_cert.empty()) {
      tls.certificate = read_file(settings_.tls_cert, "tls_cert");
      tls.private_key = read_file(settings_.tls_key, "tls_key");
    }
    Ports ports;
    ports.sql = server_.listen_tcp(settings_.listen, settings_.sql_port, tls,
                                   make_sql_handlers({peers_, mirrors_, *catalog_, operators_, settings_.password}));
    ports.http = server_.listen_http(settings_.listen, settings_.http_port, tls,
                                     make_rest_handler({peers_, mirrors_, *catalog_, settings_.password}), operators_);
    supervisor_->adopt_all();
    server_.start();
    write_ports(settings_.data_dir, ports);
    log(LogLevel::info, "peerd " + std::string(kVersion) + " listens on " + settings_.listen +
                            ", sql_port: " + std::to_string(ports.sql) + ", http_port: " + std::to_string(ports.http) +
                            ", data_dir: " + settings_.data_dir);
    if (settings_.password.empty())
      log(LogLevel::warning, "no password is set: every user of this machine may do everything");
  }

  // The faces first, so that nothing new comes; what they had running is cancelled with their connections.
  bool stop(const Wait& wait) {
    remove_ports(settings_.data_dir);
    server_.stop();
    operators_.stop(wait.shorter(std::chrono::seconds(2)));
    const bool mirrors_stopped = supervisor_->stop(wait);
    return operators_.stop(wait) && mirrors_stopped;
  }

 private:
  const Settings settings_;
  const Connectors connectors_;
  const std::unique_ptr<Catalog> catalog_;
  LogObserver observer_;
  const std::unique_ptr<Supervisor> supervisor_;
  PeerControl peers_;
  MirrorControl mirrors_;
  net::Operators operators_;
  net::Server server_;
};

}  // namespace

int run_daemon(const Loaded& loaded) {
  const Settings& settings = loaded.settings;
  set_log_level(settings.log_level);
  umask(077);
  raise_file_limit();
  make_data_dir(settings.data_dir);
  for (const std::string& warning : loaded.warnings) log(LogLevel::warning, warning);

  auto daemon = std::make_unique<Daemon>(settings);
  remove_ports(settings.data_dir);  // Not before: the catalog's lock tells that nobody else runs here.
  daemon->start();
  const int signal = wait_for_signal();
  const StopGuard guard;
  log(LogLevel::info, signal == SIGINT ? "SIGINT: stopping" : "SIGTERM: stopping");
  if (!daemon->stop(Wait::at_most(std::chrono::milliseconds(8'500)))) {
    // Destructors would wait for what is still busy.
    log(LogLevel::warning,
        "not everything stopped in time, leaving anyway; the next start goes on from the last checkpoint");
    _exit(StopGuard::kNotClean);
  }
  daemon.reset();
  log(LogLevel::info, "stopped");
  return 0;
}

}  // namespace peerd::daemon
