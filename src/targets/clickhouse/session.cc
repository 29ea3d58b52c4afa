#include <optional>
#include <vector>

#include "clickhouse/server_check.h"
#include "peerd/targets/clickhouse_target.h"

namespace peerd {
namespace {

using clickhouse::Client;

/// Cuts TabSeparatedWithNames into rows as it comes.
class TsvRows {
 public:
  explicit TsvRows(RowSink& sink) : sink_(sink) {}

  void put(std::string_view piece) {
    pending_.append(piece);
    std::size_t from = 0;
    for (std::size_t end; (end = pending_.find('\n', from)) != std::string::npos; from = end + 1)
      line(std::string_view(pending_).substr(from, end - from));
    pending_.erase(0, from);
  }

 private:
  void line(std::string_view text) {
    cells_.clear();
    nulls_.clear();
    for (std::size_t from = 0;;) {
      const std::size_t tab = text.find('\t', from);
      cell(text.substr(from, tab - from));
      if (tab == std::string_view::npos) break;
      from = tab + 1;
    }
    if (!named_) {
      named_ = true;
      return sink_.columns(cells_);
    }
    std::vector<std::optional<std::string_view>> row;
    for (std::size_t i = 0; i < cells_.size(); ++i)
      row.push_back(nulls_[i] ? std::nullopt : std::optional<std::string_view>(cells_[i]));
    sink_.row(row);
  }

  void cell(std::string_view text) {
    nulls_.push_back(text == "\\N");
    std::string& out = cells_.emplace_back();
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        out += text[i];
        continue;
      }
      constexpr std::string_view kCodes = "bfnrt0", kBytes("\b\f\n\r\t\0", 6);
      const std::size_t code = kCodes.find(text[++i]);
      out += code == std::string_view::npos ? text[i] : kBytes[code];
    }
  }

  RowSink& sink_;
  std::string pending_;
  std::vector<std::string> cells_;
  std::vector<bool> nulls_;
  bool named_ = false;
};

class Session final : public PeerSession {
 public:
  explicit Session(const PeerSpec& peer) : client_(clickhouse::access_of(peer)) {}

  Problems check(const Wait& wait) override { return clickhouse::check_server(client_, wait); }

  std::string server_version(const Wait& wait) override {
    return clickhouse::only_cell(client_.query("SELECT version()", wait));
  }

  /// The server holds the answer back until it is whole, so that a failure in the middle is an error and not a short
  /// answer.
  void query(std::string_view sql, RowSink& sink, const Wait& wait) override {
    TsvRows rows(sink);
    clickhouse::Settings settings{{"default_format", "TabSeparatedWithNames"}, {"wait_end_of_query", "1"}};
    // Whatever the text holds, it only reads. 2: it may have settings of its own, but not this one.
    if (!read_only_user(wait)) settings["readonly"] = "2";
    client_.stream(settings, "", sql, [&](std::string_view piece) { rows.put(piece); }, wait);
  }

 private:
  /// A user whose profile says so already may not even say it again.
  bool read_only_user(const Wait& wait) {
    if (!read_only_)
      read_only_ = clickhouse::only_cell(client_.query("SELECT value FROM system.settings WHERE name = 'readonly'", wait)) != "0";
    return *read_only_;
  }

  Client client_;
  std::optional<bool> read_only_;
};

}  // namespace

std::unique_ptr<PeerSession> make_clickhouse_session(const PeerSpec& peer) { return std::make_unique<Session>(peer); }

}  // namespace peerd
