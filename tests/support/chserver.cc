// Runs a real ClickHouse HTTP server out of libchdb.so (npm @chdb/lib-linux-x64-gnu): the engine's own clickhouse-local
// has --http_port and --tcp_port, and its own handlers listen. For tests and the quickstart; one server per process.
//
//   g++ -std=c++20 -O1 -o chserver chserver.cc -ldl -pthread
//   LIBCHDB=.../node_modules/@chdb/lib-linux-x64-gnu/libchdb.so ./chserver --path DIR [--http-port N] [--tcp-port N]
//     [--host 127.0.0.1] [--users-xml F] [--config-xml F] [--ready-file F] [--log F] [--start-timeout S] [--pdeathsig]
//     [--lib F] [-- extra clickhouse-local arguments]
//
// Ports default to 0 = any free one; DIR/ready.json tells them when the server answers. SIGTERM or SIGINT stops it.
// The console itself logs in as `default`: with --users-xml that user keeps an empty password, tests add others.
// Exit: 0 stopped, 64 usage, 69 no library, 71 no pty, 73 directory in use, 74 port in use, 75 not ready in time.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;
enum Exit {
  kStopped = 0,
  kUsage = 64,
  kNoLibrary = 69,
  kNoPty = 71,
  kDirectoryInUse = 73,
  kPortInUse = 74,
  kNotReady = 75
};

struct Settings {
  std::string path, host = "127.0.0.1", users_xml, config_xml, ready_file, log, library;
  int http_port = 0, tcp_port = 0, start_timeout = 30;
  std::vector<std::string> extra;
};

[[noreturn]] void die(Exit code, const std::string& why) {
  std::fprintf(stderr, "chserver: %s\n", why.c_str());
  _exit(code);
}

Settings parse(int argc, char** argv) {
  Settings s;
  if (const char* library = getenv("LIBCHDB")) s.library = library;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    if (name == "--") {
      s.extra.assign(argv + i + 1, argv + argc);
      break;
    }
    if (name == "--pdeathsig") {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      continue;
    }
    if (i + 1 == argc) die(kUsage, name + " needs a value");
    std::string value = argv[++i];
    if (name == "--path")
      s.path = value;
    else if (name == "--host")
      s.host = value;
    else if (name == "--users-xml")
      s.users_xml = fs::absolute(value);
    else if (name == "--config-xml")
      s.config_xml = fs::absolute(value);
    else if (name == "--ready-file")
      s.ready_file = fs::absolute(value);
    else if (name == "--log")
      s.log = fs::absolute(value);
    else if (name == "--lib")
      s.library = value;
    else if (name == "--http-port")
      s.http_port = atoi(value.c_str());
    else if (name == "--tcp-port")
      s.tcp_port = atoi(value.c_str());
    else if (name == "--start-timeout")
      s.start_timeout = atoi(value.c_str());
    else
      die(kUsage, "unknown option " + name);
  }
  if (s.path.empty() || s.library.empty()) die(kUsage, "--path, and --lib or LIBCHDB, are needed");
  s.path = fs::absolute(s.path);
  s.library = fs::absolute(s.library);
  if (s.ready_file.empty()) s.ready_file = s.path + "/ready.json";
  if (s.log.empty()) s.log = s.path + "/chserver.log";
  return s;
}

sockaddr_in address_of(const Settings& s, int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, s.host.c_str(), &a.sin_addr);
  return a;
}

// A listener that cannot bind leaves clickhouse-local sitting at its prompt, so ports are tried first.
int free_port(const Settings& s, int wanted) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in a = address_of(s, wanted);
  if (bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || listen(fd, 1) != 0) {
    die(kPortInUse, "port " + std::to_string(wanted) + " of " + s.host + " is in use");
  }
  socklen_t size = sizeof a;
  getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size);
  close(fd);
  return ntohs(a.sin_port);
}

std::string http_get(const Settings& s, const std::string& target) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a = address_of(s, s.http_port);
  std::string answer, request = "GET " + target + " HTTP/1.0\r\n\r\n";
  char piece[4096];
  if (connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 && write(fd, request.data(), request.size()) > 0) {
    for (ssize_t n; (n = read(fd, piece, sizeof piece)) > 0;) answer.append(piece, static_cast<size_t>(n));
  }
  close(fd);
  return answer;
}

// Without a terminal on fd 0 clickhouse-local aborts at the first client that disconnects abruptly, and takes a pipe
// for input data. So fd 0 becomes a pty; ^D on its master is the clean way to end.
int make_terminal() {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) die(kNoPty, "no pseudo terminal (/dev/ptmx)");
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) die(kNoPty, "cannot open the pseudo terminal");
  dup2(slave, 0);
  setenv("TERM", "dumb", 1);
  std::thread([master] {
    char ignored[4096];
    while (read(master, ignored, sizeof ignored) > 0) {
    }
  }).detach();
  return master;
}

void announce(const Settings& s, const char* version) {
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(s.start_timeout);
  while (http_get(s, "/ping").find("Ok.") == std::string::npos) {
    if (std::chrono::steady_clock::now() > until) die(kNotReady, "no answer in time; see " + s.log);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::ofstream(s.ready_file + ".new") << "{\"http_port\":" << s.http_port << ",\"tcp_port\":" << s.tcp_port
                                       << ",\"pid\":" << getpid() << ",\"version\":\"" << version << "\"}\n";
  fs::rename(s.ready_file + ".new", s.ready_file);
}

std::vector<std::string> arguments(const Settings& s) {
  // Without a config file of its own it would take one from the working directory, $HOME or /etc.
  std::string config = s.config_xml;
  if (config.empty()) {
    config = s.path + "/chserver.xml";
    std::ofstream out(config);
    out << "<clickhouse>";
    if (!s.users_xml.empty()) out << "<users_config>" << s.users_xml << "</users_config>";
    out << "</clickhouse>\n";
  }
  // Interactive and with a query: it runs the query, which opens the listeners, and stays at the prompt.
  std::vector<std::string> args{"clickhouse",    "--interactive",
                                "--config-file", config,
                                "--path",        s.path,
                                "--listen_host", s.host,
                                "--http_port",   std::to_string(s.http_port),
                                "--tcp_port",    std::to_string(s.tcp_port),
                                "--query",       "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP"};
  args.insert(args.end(), s.extra.begin(), s.extra.end());
  return args;
}

}  // namespace

int main(int argc, char** argv) {
  Settings s = parse(argc, argv);
  fs::create_directories(s.path);
  int lock = open((s.path + "/chserver.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) die(kDirectoryInUse, s.path + " is in use by another server");
  fs::remove(s.ready_file);
  s.http_port = free_port(s, s.http_port);
  s.tcp_port = free_port(s, s.tcp_port);
  // `system` is kept in memory: what an earlier run left of it would hide query_log and its kind.
  fs::remove_all(s.path + "/data/system");

  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  signal(SIGPIPE, SIG_IGN);

  void* library = dlopen(s.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) die(kNoLibrary, dlerror());
  auto run = reinterpret_cast<void* (*)(int, char**)>(dlsym(library, "chdb_query_cmdline"));
  auto version = reinterpret_cast<const char* (*)()>(dlsym(library, "chdb_version"));
  if (run == nullptr || version == nullptr) die(kNoLibrary, "no chdb_query_cmdline in " + s.library);

  int master = make_terminal();
  int output = open(s.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  int complain = fcntl(2, F_DUPFD_CLOEXEC, 3);
  if (output < 0 || complain < 0) die(kUsage, "cannot write " + s.log);
  dup2(output, 1);

  static std::atomic<bool> stopping = false;
  std::thread([&stops, master] {
    int got = 0;
    sigwait(&stops, &got);
    stopping = true;
    for (int i = 0; i < 100; ++i) {  // The prompt may not be up yet, or busy: ^D again.
      if (write(master, "\x04", 1) < 0) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    _exit(kStopped);
  }).detach();
  std::thread([&s, version] { announce(s, version()); }).detach();

  std::vector<std::string> words = arguments(s);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  run(static_cast<int>(words.size()), pointers.data());
  fs::remove(s.ready_file);
  if (!stopping) dprintf(complain, "chserver: the engine ended by itself; see %s\n", s.log.c_str());
  _exit(stopping ? kStopped : kNotReady);
}
