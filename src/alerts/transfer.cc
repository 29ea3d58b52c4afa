#include "transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "peerd/base/error.h"

namespace peerd {
namespace {

void start_library() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw Error(ErrorCode::internal, "libcurl does not start");
}

std::string host_of(const std::string& url) {
  const std::size_t begin = url.find("//") + 2;
  return url.substr(begin, url.find_first_of("/?#", begin) - begin);
}

struct Lists {
  curl_slist* all = nullptr;
  ~Lists() { curl_slist_free_all(all); }
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(all, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    all = longer;
  }
};

std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* to) {
  constexpr std::size_t kMost = 64 << 10;
  auto& body = *static_cast<std::string*>(to);
  body.append(bytes, std::min(size, kMost - std::min(kMost, body.size())));
  return size;
}

struct Upload {
  const std::string& text;
  std::size_t at = 0;
};
std::size_t give_text(char* to, std::size_t, std::size_t room, void* from) {
  auto& upload = *static_cast<Upload*>(from);
  const std::size_t size = std::min(room, upload.text.size() - upload.at);
  std::memcpy(to, upload.text.data() + upload.at, size);
  upload.at += size;
  return size;
}

int is_stopped(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

ErrorCode code_of(CURLcode result) {
  switch (result) {
    case CURLE_OPERATION_TIMEDOUT: return ErrorCode::timeout;
    case CURLE_LOGIN_DENIED: return ErrorCode::bad_password;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_USE_SSL_FAILED:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: return ErrorCode::unreachable;
    default: return ErrorCode::peer_error;
  }
}

/// One request's handle, with what all have in common.
class Transfer {
 public:
  Transfer(std::string server, const std::string& root_ca, const Wait& wait) : server_(std::move(server)), stop_(wait.stop) {
    start_library();
    handle_.reset(curl_easy_init());
    if (!handle_) throw std::bad_alloc();
    set(CURLOPT_ERRORBUFFER, problem_.data());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(wait.remaining_ms())));
    set(CURLOPT_SERVER_RESPONSE_TIMEOUT, std::max(1L, static_cast<long>(wait.remaining_ms() / 1000)));  // Of QUIT, too, else 120 s.
    set(CURLOPT_FORBID_REUSE, 1L);  // The end of the connection, with its QUIT, belongs to the request.
#if CURL_AT_LEAST_VERSION(7, 87, 0)
    set(CURLOPT_QUICK_EXIT, 1L);  // A name server that does not answer is not waited for.
#endif
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, is_stopped);
    set(CURLOPT_XFERINFODATA, &stop_);
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, &body_);
    if (!root_ca.empty()) {
      curl_blob roots{const_cast<char*>(root_ca.data()), root_ca.size(), CURL_BLOB_COPY};
      set(CURLOPT_CAINFO_BLOB, &roots);
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // Else the system's roots hold beside it.
    }
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  template <typename Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(handle_.get(), option, value) != CURLE_OK)
      throw Error(ErrorCode::internal, "libcurl does not know option " + std::to_string(option));
  }

  WebAnswer run() {
    const CURLcode result = curl_easy_perform(handle_.get());
    if (result == CURLE_ABORTED_BY_CALLBACK) throw Stopped{};
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK) return {static_cast<int>(status), std::move(body_)};
    std::string why = problem_[0] != '\0' ? problem_.data() : curl_easy_strerror(result);
    throw Error(code_of(result), "the message did not reach " + server_ + ": " + why, "check address, port, certificate and password");
  }

 private:
  struct Close {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  const std::string server_;
  const std::stop_token stop_;
  std::array<char, CURL_ERROR_SIZE> problem_{};
  std::string body_;
  std::unique_ptr<CURL, Close> handle_;  // Uses the others.
};

}  // namespace

WebAnswer post_json(const std::string& url, const std::map<std::string, std::string>& headers, const std::string& body,
                    const std::string& root_ca, const Wait& wait) {
  Transfer transfer(host_of(url), root_ca, wait);
  Lists lines;
  lines.add("Content-Type: application/json; charset=utf-8");
  lines.add("User-Agent: peerd");
  lines.add("Expect:");
  for (const auto& [name, value] : headers) lines.add(name + ": " + value);
  transfer.set(CURLOPT_PROTOCOLS_STR, "http,https");
  transfer.set(CURLOPT_URL, url.c_str());
  transfer.set(CURLOPT_HTTPHEADER, lines.all);
  transfer.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  transfer.set(CURLOPT_POSTFIELDS, body.data());
  return transfer.run();
}

void send_mail(const MailServer& server, const std::string& from, const std::vector<std::string>& to, const std::string& text, const Wait& wait) {
  const bool v6 = server.host.find(':') != std::string::npos;
  const std::string place = (v6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
  Transfer transfer(place, server.root_ca, wait);
  Lists receivers;
  for (const std::string& one : to) receivers.add("<" + one + ">");
  const std::string url = (server.security == "tls" ? "smtps://" : "smtp://") + place, sender = "<" + from + ">";
  Upload upload{text};
  transfer.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  transfer.set(CURLOPT_URL, url.c_str());
  transfer.set(CURLOPT_USE_SSL, server.security == "none" ? static_cast<long>(CURLUSESSL_NONE) : static_cast<long>(CURLUSESSL_ALL));
  if (!server.user.empty()) {
    transfer.set(CURLOPT_USERNAME, server.user.c_str());
    transfer.set(CURLOPT_PASSWORD, server.password.c_str());
  }
  transfer.set(CURLOPT_MAIL_FROM, sender.c_str());
  transfer.set(CURLOPT_MAIL_RCPT, receivers.all);
  transfer.set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // One address that is refused silences no other.
  transfer.set(CURLOPT_UPLOAD, 1L);
  transfer.set(CURLOPT_READFUNCTION, give_text);
  transfer.set(CURLOPT_READDATA, &upload);
  transfer.run();
}

}  // namespace peerd
