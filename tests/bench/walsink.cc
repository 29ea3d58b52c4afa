// walsink DSN SLOT PUBLICATION END [--binary] [--pause MS] [--window KIB]
//   Drains a logical slot up to the position END as cheaply as a client can, and throws away what comes: what is left is what
//   the walsender itself needs, the ceiling of everybody who decodes, applies and confirms besides.
//   The walsender calls send() for each row. While the receiver's window is open each call is a packet, with all that one
//   costs both sides; while it is closed rows pile up in the sender's own buffer and leave in lumps. So the window is kept
//   small (--window 256; 0: the kernel's own choice), stays closed for --pause (10; 0: as a client that reads whatever comes, at
//   once), and is then emptied in large reads. A Unix socket gains nothing by it.
//   Confirms by timer. Speaks plain TCP or a Unix socket after libpq's handshake. Prints bytes, reads and pauses.
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Asked {
  std::string dsn, slot, publication;
  std::uint64_t end = 0;
  bool binary = false;
  std::chrono::milliseconds pause = 10ms;
  int window = 256 << 10;
};

std::uint64_t parse_lsn(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) throw std::runtime_error("END is no position");
  std::uint64_t high = 0, low = 0;
  std::from_chars(text.data(), text.data() + slash, high, 16);
  std::from_chars(text.data() + slash + 1, text.data() + text.size(), low, 16);
  return high << 32 | low;
}

Asked parse(int count, char** words) {
  if (count < 5) throw std::runtime_error("walsink DSN SLOT PUBLICATION END [--binary] [--pause MS] [--window KIB]");
  Asked asked{.dsn = words[1], .slot = words[2], .publication = words[3], .end = parse_lsn(words[4])};
  for (int i = 5; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--binary") {
      asked.binary = true;
    } else if (word == "--pause" && i + 1 < count) {
      asked.pause = std::chrono::milliseconds(std::atoi(words[++i]));
    } else if (word == "--window" && i + 1 < count) {
      asked.window = std::atoi(words[++i]) << 10;
    } else {
      throw std::runtime_error("unknown: " + std::string(word));
    }
  }
  return asked;
}

std::uint64_t big_endian(const char* at, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

class Sink {
 public:
  explicit Sink(const Asked& asked) : asked_(asked), buffer_(1 << 20) {
    connection_ = PQconnectdb((asked.dsn + " replication=database").c_str());
    if (PQstatus(connection_) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_));
    socket_ = PQsocket(connection_);
    if (asked.window > 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &asked.window, sizeof asked.window);
    const std::string start = "START_REPLICATION SLOT \"" + asked.slot + "\" LOGICAL 0/0 (proto_version '" +
                              (asked.binary ? "2" : "1") + "', publication_names '\"" + asked.publication + "\"'" +
                              (asked.binary ? ", binary 'true')" : ")");
    // From here on nothing is read through libpq, so that its buffer stays empty.
    if (PQsendQuery(connection_, start.c_str()) == 0 || PQflush(connection_) != 0)
      throw std::runtime_error(PQerrorMessage(connection_));
  }
  ~Sink() {
    confirm();
    PQfinish(connection_);
  }

  void drain() {
    Clock::time_point next_status = Clock::now() + 1s;
    while (seen_ < asked_.end) {
      const std::size_t got = read_all();
      if (const auto now = Clock::now(); now >= next_status || reply_wanted_) {
        confirm();
        next_status = now + 1s;
      }
      if (seen_ >= asked_.end) break;
      if (got >= kBusy && asked_.pause > 0ms) {
        ++pauses_;
        std::this_thread::sleep_for(asked_.pause);
      } else {
        pollfd arrived{socket_, POLLIN, 0};
        poll(&arrived, 1, 1000);
      }
    }
    std::printf("%.1f MB in %zu reads, %zu pauses\n", static_cast<double>(bytes_) / 1e6, reads_, pauses_);
  }

 private:
  static constexpr std::size_t kBusy = 64 << 10;  ///< Less than that at a time: nothing is behind.

  /// All that has come. Returns how much it was.
  std::size_t read_all() {
    std::size_t got = 0;
    for (;;) {
      const ssize_t size = recv(socket_, buffer_.data() + filled_, buffer_.size() - filled_, MSG_DONTWAIT);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) return got;
      if (size <= 0) throw std::runtime_error("the server ended the stream");
      ++reads_;
      bytes_ += static_cast<std::size_t>(size);
      got += static_cast<std::size_t>(size);
      filled_ += static_cast<std::size_t>(size);
      take_messages();
      if (seen_ >= asked_.end) return got;
    }
  }
  void take_messages() {
    constexpr std::size_t kHeader = 5;
    std::size_t at = 0;
    while (filled_ - at >= kHeader) {
      const std::size_t length = 1 + big_endian(buffer_.data() + at + 1, 4);
      if (buffer_.size() < length) buffer_.resize(2 * length);
      if (filled_ - at < length) break;
      take(buffer_[at], std::string_view(buffer_.data() + at + kHeader, length - kHeader));
      at += length;
    }
    std::memmove(buffer_.data(), buffer_.data() + at, filled_ - at);
    filled_ -= at;
  }
  void take(char kind, std::string_view body) {
    if (kind == 'E') throw std::runtime_error("the server refuses: " + std::string(body));
    if (kind != 'd' || body.size() < 17) return;
    // w: this message's position, the server's end; k: the server's end, its clock, whether it wants a reply.
    seen_ = std::max(seen_, big_endian(body.data() + 1, 8));
    if (body[0] == 'k') reply_wanted_ |= body[17] != 0;
  }
  void confirm() {
    char update[5 + 34] = {};
    const auto put = [&](int at, std::uint64_t value, int bytes) {
      for (int i = 0; i < bytes; ++i) update[at + i] = static_cast<char>(value >> 8 * (bytes - 1 - i));
    };
    update[0] = 'd';
    put(1, 4 + 34, 4);
    update[5] = 'r';
    for (int i = 0; i < 3; ++i) put(6 + 8 * i, seen_, 8);
    if (send(socket_, update, sizeof update, MSG_NOSIGNAL) < 0) throw std::runtime_error("the server is gone");
    reply_wanted_ = false;
  }

  const Asked asked_;
  PGconn* connection_ = nullptr;
  int socket_ = -1;
  std::vector<char> buffer_;
  std::size_t filled_ = 0, bytes_ = 0, reads_ = 0, pauses_ = 0;
  std::uint64_t seen_ = 0;
  bool reply_wanted_ = false;
};

}  // namespace

int main(int count, char** words) try {
  Sink(parse(count, words)).drain();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "walsink: %s\n", error.what());
  return 1;
}
