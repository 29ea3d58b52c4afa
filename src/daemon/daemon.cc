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

#include "key_file.h"
#include "log_observer.h"
#include "notify.h"
#include "observers.h"
#include "peerd/alerts/alerts.h"
#include "peerd/base/log.h"
#include "peerd/base/version.h"
#include "peerd/control/control.h"
#include "peerd/control/new_tables.h"
#include "peerd/history/history.h"
#include "peerd/metrics/metrics.h"
#include "peerd/net/server.h"
#include "peerd/rest/rest_server.h"
#include "peerd/sql/sql_server.h"
#include "peerd/sql/view_query.h"
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

void warn_of_readers(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0 || (facts.st_mode & 077) == 0) return;
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(facts.st_mode & 07777));
  log(LogLevel::warning, "the data directory " + path + " is open to other users of this machine (mode " + mode + ")",
      {.hint = "chmod 700 " + path});
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
  warn_of_readers(path);
}

net::TlsServerOptions read_tls(const Settings& settings) {
  net::TlsServerOptions tls;
  if (settings.tls_cert.empty()) return tls;
  tls.certificate = read_file(settings.tls_cert, "tls_cert");
  tls.private_key = read_file(settings.tls_key, "tls_key");
  return tls;
}

// A connection is a descriptor, and the usual soft limit of 1024 is less than what we accept.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Everything that runs, built lowest first and destroyed in the opposite order.
class Daemon {
 public:
  Daemon(const Settings& settings, const Options& given)
      : settings_(settings),
        given_(given),
        connectors_(make_connectors()),
        catalog_(open_with_keys()),
        log_observer_([this](MirrorId id) {
          const auto record = catalog_->mirror(id);
          return record ? record->spec.name : std::string();
        }),
        history_(*catalog_, system_clock()),
        alerts_(alerts_of(*catalog_), system_clock()),
        observers_({&log_observer_, &history_, &metrics_, &alerts_}),
        supervisor_(Supervisor::make(*catalog_, connectors_, observers_,
                                     {.memory_bytes = settings.memory_bytes, .retry_max = settings.retry_max,
                                      .spools = settings.data_dir + "/spool"})),
        peers_(*catalog_, connectors_),
        mirrors_(*catalog_, connectors_, *supervisor_),
        new_tables_(*catalog_, connectors_, mirrors_, *supervisor_) {}

  void start() {
    const net::TlsServerOptions tls = read_tls(settings_);
    Ports ports;
    ports.sql = server_.listen_tcp(settings_.listen, settings_.sql_port, tls,
                                   make_sql_handlers({peers_, mirrors_, *catalog_, operators_, settings_.password, attempts_, &alerts_}));
    ports.http = server_.listen_http(settings_.listen, settings_.http_port, tls,
                                     make_rest_handler(rest_deps()), rest_operators_);
    supervisor_->adopt_all();
    server_.start();
    new_tables_.start();
    write_ports(settings_.data_dir, ports);
    // Last: from now on stop() ends them before the mirrors.
    history_.start([this] { return supervisor_->statuses(); });
    alerts_.start([this] { return supervisor_->statuses(); });
    log(LogLevel::info, "peerd " + std::string(kVersion) + " listens on " + settings_.listen +
                            ", sql_port: " + std::to_string(ports.sql) + ", http_port: " + std::to_string(ports.http) +
                            ", data_dir: " + settings_.data_dir);
    if (settings_.password.empty())
      log(LogLevel::warning, "no password is set: every user of this machine may do everything");
    if (!settings_.loopback_only() && settings_.tls_cert.empty()) {
      log(LogLevel::warning, "others reach " + settings_.listen + ", and what they send and get is not encrypted",
          {.hint = "set PEERD_TLS_CERT and PEERD_TLS_KEY, or let a proxy speak TLS and listen on 127.0.0.1"});
    }
  }

  /// On SIGHUP: the level of the log, and certificates that were renewed. Everything else waits for the next start, and is told.
  void reload(const Settings& now) {
    set_log_level(now.log_level);
    if (!settings_.tls_cert.empty() && !now.tls_cert.empty()) server_.renew_tls(read_tls(now));
    Settings unchanged = now;
    unchanged.log_level = settings_.log_level;
    if (!settings_.tls_cert.empty() && !now.tls_cert.empty()) {
      unchanged.tls_cert = settings_.tls_cert;
      unchanged.tls_key = settings_.tls_key;
    }
    log(LogLevel::info, "SIGHUP: log level and certificates are those of the configuration now");
    if (unchanged != settings_) log(LogLevel::warning, "SIGHUP: other settings have changed, too: they hold from the next start on");
  }

  // The faces first, so that nothing new comes; what they had running is cancelled with their connections.
  bool stop(const Wait& wait) {
    remove_ports(settings_.data_dir);
    server_.stop();
    operators_.stop(wait.shorter(std::chrono::seconds(2)));
    rest_operators_.stop(wait.shorter(std::chrono::seconds(2)));
    history_.stop();
    new_tables_.stop();
    alerts_.ask_to_stop();
    const bool mirrors_stopped = supervisor_->stop(wait);
    const bool alerts_stopped = alerts_.stop(wait);  // Last: a receiver's library may take its time, and mirrors shall not wait for it.
    return operators_.stop(wait) && rest_operators_.stop(wait) && mirrors_stopped && alerts_stopped;
  }

 private:
  std::unique_ptr<Catalog> open_with_keys() const {
    const KeyFile keys(settings_);
    auto catalog = open_catalog(settings_.catalog, keys.open(), connectors_);
    keys.settle();
    return catalog;
  }

  RestDeps rest_deps() {
    std::vector<std::string> hosts = settings_.allowed_hosts;
    if (!hosts.empty() && !settings_.loopback_only()) hosts.push_back(settings_.listen);
    return {peers_, mirrors_, *catalog_, settings_.password, attempts_, std::move(hosts), settings_.read_password,
            !settings_.tls_cert.empty(), make_view_query(peers_, mirrors_, *catalog_), probes(), &alerts_,
            shown_settings(),
            std::chrono::duration_cast<std::chrono::microseconds>(system_clock().wall().time_since_epoch()).count()};
  }

  Probes probes() {
    return {.mirrors = [this] { return supervisor_->statuses(); },
            .metrics = [this] { return metrics_.text(metrics_facts()); },
            .not_ready = [this] { return not_ready(); },
            .open_metrics = settings_.metrics_open};
  }

  MetricsFacts metrics_facts() const {
    const auto of = [](std::string port, const net::Operators::Usage& usage) {
      return MetricsFacts::Operators{std::move(port), usage.threads, usage.busy, usage.waiting};
    };
    return {.mirrors = supervisor_->statuses(),
            .operators = {of("sql", operators_.usage()), of("http", rest_operators_.usage())},
            .memory_limit_bytes = settings_.memory_bytes,
            .tables = settings_.metrics_tables};
  }

  /// Nothing listens before the mirrors are adopted, nor once it stops: what is left can fail on the way.
  std::vector<NotReady> not_ready() const {
    std::vector<NotReady> missing;
    if (const std::string trouble = history_.trouble(); !trouble.empty()) missing.push_back({"catalog", trouble});
    const auto check = [&](const std::string& port, const net::Operators::Usage& usage) {
      if (usage.full()) missing.push_back({port, "all " + std::to_string(usage.threads) + " operators are busy, and as many requests wait as may"});
    };
    check("sql", operators_.usage());
    check("http", rest_operators_.usage());
    return missing;
  }

  std::vector<ShownSetting> shown_settings() const {
    std::vector<ShownSetting> shown;
    for (const SettingLine& line : setting_lines(given_)) {
      const Option& option = *line.option;
      shown.push_back({line.variable, line.value, std::string(option.default_text), std::string(option.doc), option.type});
    }
    return shown;
  }

  const Settings settings_;
  const Options given_;
  const Connectors connectors_;
  const std::unique_ptr<Catalog> catalog_;
  LogObserver log_observer_;
  HistoryRecorder history_;
  Metrics metrics_;
  Alerts alerts_;
  Observers observers_;  ///< All of these.
  const std::unique_ptr<Supervisor> supervisor_;
  PeerControl peers_;
  MirrorControl mirrors_;
  NewTables new_tables_;
  net::AttemptLimit attempts_;
  net::Operators operators_;          ///< The SQL port's.
  net::Operators rest_operators_{4};  ///< Apart: who reads rows slowly on one port does not stop the other.
  net::Server server_;
};

}  // namespace

int run_daemon(const Loaded& loaded, const std::function<Loaded()>& load) {
  const Settings& settings = loaded.settings;
  set_log_level(settings.log_level);
  umask(077);
  raise_file_limit();
  make_data_dir(settings.data_dir);
  for (const std::string& warning : loaded.warnings) log(LogLevel::warning, warning);

  auto daemon = std::make_unique<Daemon>(settings, loaded.given);
  remove_ports(settings.data_dir);  // Not before: the catalog's lock tells that nobody else runs here.
  daemon->start();
  notify("READY=1");
  int signal = wait_for_signal();
  for (; signal == SIGHUP; signal = wait_for_signal()) {
    notify_reloading();
    try {
      daemon->reload(load().settings);
    } catch (...) {
      const ErrorText error = current_error();
      log(LogLevel::error, "SIGHUP: nothing was changed: " + error.message, {.hint = error.hint});
    }
    notify("READY=1");
  }
  const StopGuard guard;
  notify("STOPPING=1");
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
