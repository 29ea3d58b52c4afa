#include <optional>
#include <vector>

#include "clickhouse/query_text.h"
#include "clickhouse/server_check.h"
#include "clickhouse/tsv_rows.h"
#include "peerd/targets/clickhouse_target.h"

namespace peerd {
namespace {

using clickhouse::Client;

class Session final : public PeerSession {
 public:
  explicit Session(const PeerSpec& peer)
      : client_(clickhouse::access_of(peer)), reader_(clickhouse::access_of(peer), clickhouse::Purpose::reading) {}

  Problems check(const Wait& wait) override { return clickhouse::check_server(client_, wait); }

  std::string server_version(const Wait& wait) override {
    return clickhouse::only_cell(reader_.query("SELECT version()", wait));
  }

  /// The server holds the answer back until it is whole, so that a failure in the middle is an error and not a short
  /// answer.
  void query(std::string_view sql, RowSink& sink, const Wait& wait) override {
    clickhouse::refuse_other_forms(sql);
    std::vector<std::optional<std::string_view>> row;
    clickhouse::TsvRows rows([&](clickhouse::TsvRows::Cells names) { sink.columns(names); },
                             [&](clickhouse::TsvRows::Cells cells, const std::vector<bool>& nulls) {
                               row.clear();
                               for (std::size_t i = 0; i < cells.size(); ++i)
                                 row.push_back(nulls[i] ? std::nullopt : std::optional<std::string_view>(cells[i]));
                               sink.row(row);
                             });
    clickhouse::Settings settings;
    // Whatever the text holds, it only reads. 2: it may have settings of its own, but not this one. A user whose profile says
    // so already may not even say it again.
    if (!reader_.read_only(wait)) settings["readonly"] = "2";
    const auto put = [&](std::string_view piece) { rows.put(piece); };
    const std::string format = reader_.stream(settings, "", sql, put, wait);
    rows.finish();
    if (!format.empty() && format != clickhouse::TsvRows::kFormat)
      throw Error(ErrorCode::not_supported, "FORMAT " + format + " in a SELECT over a ClickHouse peer is not supported", "leave it out");
  }

 private:
  Client client_, reader_;
};

}  // namespace

std::unique_ptr<PeerSession> make_clickhouse_session(const PeerSpec& peer) { return std::make_unique<Session>(peer); }

}  // namespace peerd
