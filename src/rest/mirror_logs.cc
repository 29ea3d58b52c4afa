#include <algorithm>

#include "json.h"
#include "newest_lines.h"
#include "paging.h"
#include "proto/figures.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

constexpr std::int32_t kUsual = 100, kMost = 10'000;  ///< Lines in one reply.

/// PeerDB's word for a level: its own logs say "warn".
std::string peerdb_level(const std::string& level) { return level == "warning" ? "warn" : level; }

/// "" = all of them.
std::string wanted_level(const std::string& level) {
  if (level.empty() || level == "all") return "";
  const std::string word = peerdb_level(level);
  if (word == "info" || word == "warn" || word == "error") return word;
  refuse_field("level", "there is no level of that name", "all, info, warn or error");
}

std::vector<LogLine> log_of(Call& call, const MirrorRecord& mirror, const std::string& level) {
  std::vector<LogLine> lines;
  for (LogRecord& log : call.deps.catalog.logs(mirror.id)) {
    if (level.empty() || peerdb_level(log.level) == level) lines.push_back({mirror.spec.name, std::move(log)});
  }
  return lines;
}

/// The page by its number, as older clients ask: 1 holds the newest lines.
Cut numbered_page(std::size_t lines, std::size_t page, std::size_t limit) {
  const std::size_t skipped = std::min(lines, (page - 1) * limit);
  const std::size_t end = lines - skipped;
  return {end - std::min(end, limit), end, static_cast<std::int32_t>(page)};
}

/// What the request asks for; throws Error(invalid_option) for what nobody can.
struct Asked {
  Page ids;
  std::size_t page;
  bool by_id() const { return ids.before > 0 || ids.after > 0; }
};

Asked read_asked(const peerdb_route::ListMirrorLogsRequest& body) {
  if (body.num_per_page() < 0 || body.num_per_page() > kMost)
    refuse_field("num_per_page", "num_per_page must be 0 to " + std::to_string(kMost),
                 "0 means " + std::to_string(kUsual));
  if (body.page() < 0) refuse_field("page", "page must be 1 or more", "1 holds the newest lines");
  const auto limit = static_cast<std::size_t>(body.num_per_page() == 0 ? kUsual : body.num_per_page());
  const Asked asked{{page_id("before_id", body.before_id()), page_id("after_id", body.after_id()), limit, false},
                    static_cast<std::size_t>(std::max(1, body.page()))};
  if (asked.by_id() && body.flow_job_name().empty())
    refuse_field(body.before_id() > 0 ? "before_id" : "after_id", "each mirror numbers its own lines",
                 "name the mirror in flow_job_name, or ask by page");
  return asked;
}

NewestLines lines_of(Call& call, const peerdb_route::ListMirrorLogsRequest& body, const Asked& asked) {
  const std::string level = wanted_level(body.level());
  const bool one = !body.flow_job_name().empty();
  NewestLines lines(asked.by_id() ? SIZE_MAX : asked.page * asked.ids.limit);
  const auto mirrors = one ? std::vector{call.deps.mirrors.record(body.flow_job_name())} : call.deps.catalog.mirrors();
  for (const MirrorRecord& mirror : mirrors) lines.add(log_of(call, mirror, level));
  return lines;
}

Cut page_of(const std::vector<LogLine>& lines, const Asked& asked) {
  if (!asked.by_id()) return numbered_page(lines.size(), asked.page, asked.ids.limit);
  std::vector<std::int64_t> ids;
  for (const LogLine& line : lines) ids.push_back(line.log.id);
  return cut_page(ids, asked.ids);
}

}  // namespace

std::string mirror_logs(Call& call) {
  peerdb_route::ListMirrorLogsRequest body;
  read_json(call.body, body);
  const Asked asked = read_asked(body);
  const NewestLines newest = lines_of(call, body, asked);
  const std::vector<LogLine>& lines = newest.lines();
  const Cut cut = page_of(lines, asked);
  peerdb_route::ListMirrorLogsResponse reply;
  for (std::size_t i = cut.end; i > cut.begin; --i) {
    const auto& [mirror, log] = lines[i - 1];
    auto& item = *reply.add_errors();
    item.set_flow_name(mirror);
    item.set_error_message(log.message);
    item.set_error_type(peerdb_level(log.level));
    item.set_error_timestamp(static_cast<double>(log.at_us / 1000));
    item.set_id(static_cast<std::int32_t>(log.id));
    item.set_detail(log.detail);
    item.set_hint(log.hint);
  }
  reply.set_total(static_cast<std::int32_t>(newest.total()));
  reply.set_page(cut.page);
  return write_json(reply);
}

}  // namespace peerd::rest
