#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace peerd::net {

/// One HTTP/1.1 message out of bytes as they come; Beast's parser behind a plain face. Refuses what a proxy could read
/// in two ways. Not thread-safe.
class HttpParser {
 public:
  enum class Kind { request, response };
  enum class State { head, body, done, broken, head_too_large, body_too_large };
  struct Limits {
    std::size_t head_bytes, body_bytes;  ///< body_bytes 0 = no limit.
  };
  using BodyPiece = std::function<void(std::string_view)>;

  HttpParser(Kind kind, Limits limits, BodyPiece piece);
  ~HttpParser();
  /// How much it took; what is left belongs to the next message, or is not enough yet to go on. Throws what the piece
  /// throws.
  std::size_t put(std::string_view bytes);
  void end_of_stream();   ///< A response without a length ends so; anything else unfinished is broken.
  void expect_no_body();  ///< REQUIRES: nothing put yet. The answer to a HEAD.

  State state() const { return state_; }
  bool head_done() const { return head_done_; }
  bool keep_alive() const;      ///< REQUIRES: head_done().
  bool wants_continue() const;  ///< "Expect: 100-continue".
  const std::string& error() const { return error_; }

  int status = 0;                              ///< Of a response.
  std::string method, target;                  ///< Of a request.
  std::map<std::string, std::string> headers;  ///< Names in lower case; repeated ones joined by ", ".

 private:
  struct Base;
  template <bool isRequest>
  struct Beast;
  State state_ = State::head;
  bool head_done_ = false;
  std::string error_;
  BodyPiece piece_;
  std::unique_ptr<Base> parser_;
};

}  // namespace peerd::net
