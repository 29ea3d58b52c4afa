#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "figures.h"
#include "peerd/history/history.h"
#include "plain_json.h"
#include "routes.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::ordered_json;
using Value = Json (*)(const HistorySample&);

constexpr std::int64_t kHour = 3600, kDay = 86'400, kFarFuture = 253'402'300'799;  // The year 9999.
constexpr std::int64_t kDefaultPoints = 360, kMostPoints = 10'000;

/// Three digits behind the point: JSON's readers need no more.
Json rounded(double value) { return std::round(value * 1000) / 1000; }

Json per_second(std::int64_t count, const HistorySample& sample) {
  if (sample.span_ms <= 0) return nullptr;
  return rounded(static_cast<double>(count) * 1000 / static_cast<double>(sample.span_ms));
}

Json lag_seconds(const HistorySample& sample) { return rounded(static_cast<double>(sample.lag_ms) / 1000); }

/// Of one batch; none were applied: null.
Json batch_ms(const HistorySample& sample) {
  if (sample.batches == 0) return nullptr;
  return rounded(static_cast<double>(sample.batch_ms) / static_cast<double>(sample.batches));
}

struct Series {
  const char* name;
  Value value;
};
constexpr Series kOfMirror[] = {
    {"lag_bytes", [](const HistorySample& s) { return Json(s.lag_bytes); }},
    {"lag_seconds", lag_seconds},
    {"wal_kept_bytes", [](const HistorySample& s) { return Json(s.wal_kept_bytes); }},
    {"inserts_per_second", [](const HistorySample& s) { return per_second(s.inserts, s); }},
    {"updates_per_second", [](const HistorySample& s) { return per_second(s.updates, s); }},
    {"deletes_per_second", [](const HistorySample& s) { return per_second(s.deletes, s); }},
    {"bytes_per_second", [](const HistorySample& s) { return per_second(s.bytes, s); }},
    {"batch_ms", batch_ms},
};
constexpr Series kOfAll[] = {
    {"lag_seconds", lag_seconds},
    {"rows_per_second", [](const HistorySample& s) { return per_second(s.inserts + s.updates + s.deletes, s); }},
};

void add_series(const History& history, std::span<const Series> all, Json& reply) {
  reply["at"] = history.at;
  for (const auto& [name, value] : all) {
    Json& list = reply[name] = Json::array();
    for (const auto& sample : history.samples) list.push_back(sample ? value(*sample) : Json());
  }
}

}  // namespace

std::string mirror_history(Call& call) {
  const MirrorRecord mirror = call.deps.mirrors.record(call.parameter);
  const std::int64_t now = unix_now();
  HistoryRange range;
  range.to = call.integer("to", now, 0, kFarFuture);
  range.from = call.integer("from", std::max<std::int64_t>(0, range.to - kHour), 0, range.to);
  // What was kept ends 30 days ago: a longer way back would only make the steps wider.
  range.from = std::max(range.from, std::min(range.to, now - HistoryStore::kCoarseKept));
  range.points = call.integer("points", kDefaultPoints, 1, kMostPoints);
  const History history = history_of(call.deps.catalog, mirror.id, range, now);
  Json reply{{"mirror", mirror.spec.name}, {"step_seconds", history.step_seconds}};
  add_series(history, kOfMirror, reply);
  return write_plain(reply);
}

std::string all_history(Call& call) {
  const std::int64_t now = unix_now();
  const std::int64_t minutes = call.integer("minutes", 10, 1, kDay / 60);
  const HistoryRange range{now - minutes * 60, now, call.integer("points", 60, 1, kDefaultPoints)};
  Json mirrors = Json::object();
  for (const MirrorRecord& mirror : call.deps.catalog.mirrors()) {
    call.wait.check("reading the mirrors' history");
    add_series(history_of(call.deps.catalog, mirror.id, range, now), kOfAll, mirrors[mirror.spec.name]);
  }
  return write_plain({{"mirrors", std::move(mirrors)}});
}

}  // namespace peerd::rest
