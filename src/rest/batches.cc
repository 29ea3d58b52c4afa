// What was applied: the last batches, and rows over time.
#include "figures.h"
#include "json.h"
#include "paging.h"
#include "peer_rows.h"
#include "peerd/history/history.h"
#include "proto/figures.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

constexpr std::int64_t kMostBatches = 1'000'000;

std::string batches_of(Call& call, std::string_view mirror, const Page& page) {
  const auto notes = call.deps.catalog.batches(call.deps.mirrors.record(mirror).id);
  std::vector<std::int64_t> ids;
  for (const auto& note : notes) ids.push_back(note.id);
  const Cut cut = cut_page(ids, page);
  peerdb_route::GetCDCBatchesResponse reply;
  for (std::size_t i = cut.begin; i < cut.end; ++i) {
    fill_batch(notes[page.ascending ? i : cut.end - 1 - (i - cut.begin)], *reply.add_cdc_batches());
  }
  reply.set_total(static_cast<std::int32_t>(ids.size()));
  reply.set_page(cut.page);
  return write_json(reply);
}

/// How wide the graph's steps are and how many there are, in seconds.
struct Steps {
  std::int64_t width, count;
};

constexpr std::int64_t kMinute = 60, kHour = 3600, kDay = 86'400, kMonth = 30 * kDay;

Steps steps_of(const peerdb_route::GraphRequest& request) {
  const bool last = request.mode() == peerdb_route::GRAPH_MODE_LAST_X;
  switch (request.aggregate_type()) {
    case peerdb_route::TIME_AGGREGATE_TYPE_FIVE_MIN:
      return last ? Steps{10, 30} : Steps{5 * kMinute, 30};
    case peerdb_route::TIME_AGGREGATE_TYPE_FIFTEEN_MIN:
      return last ? Steps{kMinute, 30} : Steps{15 * kMinute, 30};
    case peerdb_route::TIME_AGGREGATE_TYPE_ONE_HOUR:
      return last ? Steps{2 * kMinute, 30} : Steps{kHour, 30};
    case peerdb_route::TIME_AGGREGATE_TYPE_ONE_DAY:
      return last ? Steps{kHour, 24} : Steps{kDay, 30};
    case peerdb_route::TIME_AGGREGATE_TYPE_ONE_MONTH:
      return last ? Steps{kDay, 30} : Steps{kMonth, 30};
    default:
      refuse_field("aggregate_type", "aggregate_type is missing or unknown",
                   "TIME_AGGREGATE_TYPE_FIVE_MIN, …_FIFTEEN_MIN, …_ONE_HOUR, …_ONE_DAY or …_ONE_MONTH");
  }
}

/// Without a mode it is GRAPH_MODE_GROUP_BY.
void require_mode(const peerdb_route::GraphRequest& request) {
  if (peerdb_route::GraphMode_IsValid(request.mode())) return;
  refuse_field("mode", "mode is unknown: " + std::to_string(request.mode()),
               "GRAPH_MODE_GROUP_BY or GRAPH_MODE_LAST_X");
}

/// Rows per step from `first` on. Older than a day there are coarse samples alone, and of the last minutes fine ones alone.
std::vector<std::int64_t> rows_per_step(HistoryStore& store, MirrorId mirror, std::int64_t first, const Steps& steps,
                                        std::int64_t now) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(steps.count));
  const auto add = [&](std::int64_t step, std::int64_t from, std::int64_t to) {
    if (from > to) return;
    for (const HistorySample& sample : store.history(mirror, step, step, from, to)) {
      rows[static_cast<std::size_t>((sample.at - first) / steps.width)] += sample.inserts + sample.updates + sample.deletes;
    }
  };
  constexpr std::int64_t kCoarse = HistoryStore::kCoarseStep;
  // A multiple of the coarse step, so that no change is counted in both; some minutes before the fine ones end.
  const std::int64_t border = std::max(first, (now - HistoryStore::kFineKept) / kCoarse * kCoarse + 2 * kCoarse);
  add(kCoarse, first, border - 1);
  add(HistoryStore::kFineStep, border, first + steps.width * steps.count - 1);
  return rows;
}

}  // namespace

std::string list_batches(Call& call) {
  const Page page{query_integer(call, "before_id", 0, -1, INT64_MAX), query_integer(call, "after_id", 0, -1, INT64_MAX),
                  static_cast<std::size_t>(query_integer(call, "limit", 0, 0, kMostBatches)),
                  query_boolean(call, "ascending", false)};
  return batches_of(call, call.parameter, page);
}

std::string ask_batches(Call& call) {
  peerdb_route::GetCDCBatchesRequest body;
  read_json(call.body, body);
  return batches_of(call, body.flow_job_name(),
                    {page_id("before_id", body.before_id()), page_id("after_id", body.after_id()), body.limit(), body.ascending()});
}

std::string batch_graph(Call& call) {
  peerdb_route::GraphRequest body;
  read_json(call.body, body);
  require_mode(body);
  const Steps steps = steps_of(body);
  const MirrorRecord mirror = call.deps.mirrors.record(body.flow_job_name());
  const std::int64_t now = unix_now();
  const std::int64_t first = (now / steps.width + 1 - steps.count) * steps.width;
  const auto rows = rows_per_step(call.deps.catalog, mirror.id, first, steps, now);
  // Before the mirror was made nothing came; what came before the samples that are kept is not known.
  const std::int64_t known = now - HistoryStore::kCoarseKept;
  const bool whole = mirror.created_at_us / 1'000'000 >= known;
  peerdb_route::GraphResponse reply;
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < steps.count; ++i) {
    const std::int64_t at = first + i * steps.width;
    if (!whole && at < known) continue;
    auto& item = *reply.add_data();
    item.set_time(static_cast<double>(at) * 1000);
    item.set_rows(static_cast<double>(rows[static_cast<std::size_t>(i)]));
    total += rows[static_cast<std::size_t>(i)];
  }
  reply.set_total_rows(total);
  return write_json(reply);
}

}  // namespace peerd::rest
