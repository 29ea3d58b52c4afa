// What a mirror of a query reads: docs/adr/0016.
#include "peerd/sources/query_source.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "peerd/sources/postgres_source.h"
#include "postgres/copy_out_reader.h"
#include "postgres/promotion.h"
#include "postgres/query_text.h"
#include "postgres/wal_wait.h"

namespace peerd {
namespace {

constexpr TableId kQueryTable{1};

bool same_columns(const std::vector<Column>& planned, const std::vector<Column>& now) {
  return std::ranges::equal(planned, now, [](const Column& a, const Column& b) {
    return a.name == b.name && a.type_oid == b.type_oid && a.type_modifier == b.type_modifier;
  });
}

class QueryReader final : public CopyOutReader {
 public:
  QueryReader(Connect connect, QueryTemplate query, std::optional<Watermark> watermark)
      : CopyOutReader(std::move(connect)), query_(std::move(query)), watermark_(std::move(watermark)) {}

  Opened open(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, const Wait& wait) override {
    begin(wait);
    const Bounds bounds = bounds_of(watermark_ ? &*watermark_ : nullptr, chunk.range.value_or(Chunk::KeyRange{}));
    // The locks first, then the check, then the snapshot of the COPY: as in a chunk of a table (rules.md 9).
    if (!same_columns(table.schema.columns, describe_query(*connection_, query_, bounds, wait))) {
      throw Error(ErrorText{.code = ErrorCode::schema_changed,
                            .message = "the query returns other columns, or other types, than when the mirror was made",
                            .hint = "write the columns and their types out in the query; DROP MIRROR and CREATE MIRROR copies into a table "
                                    "of the columns that it returns now",
                            .retry = Retry::after_operator});
    }
    copy(copy_query_statement(query_, bounds, table.schema, plan), plan.form, wait);
    return Opened::ready;
  }

 private:
  void explain(const Error& error, const Wait&) override { throw query_error(error, 0); }

  const QueryTemplate query_;
  const std::optional<Watermark> watermark_;
};

class PostgresQuerySource final : public QuerySource {
 public:
  PostgresQuerySource(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease)
      : options_(postgres::connect_options(peer.options)), mirror_(mirror), uuid_(lease.uuid), query_(mirror.query) {
    options_.options += " -c synchronous_commit=local";
  }

  Problems preflight(const Wait& wait) override;
  MirrorTable describe(const Wait& wait) override;
  SourceIdentity identity(const Wait& wait) override;
  Lsn insert_position(const Wait& wait) override { return peerd::insert_position(control(wait), wait); }
  std::optional<Round> measure(const std::optional<std::string>& after, const Wait& wait) override;
  void await_settled(const std::function<void(std::string)>& step, const Wait& wait) override {
    await_open_transactions(control(wait), step, wait);
  }
  std::vector<Chunk> cut(const MirrorTable& table, const std::optional<std::string>& after, const Round& round, std::uint64_t rows,
                         const Wait& wait) override;
  std::unique_ptr<ChunkReader> open_reader(const Wait& wait) override {
    const Watermark* watermark = this->watermark(wait);
    return std::make_unique<QueryReader>(connector("snapshot"), query_, watermark ? std::optional(*watermark) : std::nullopt);
  }

 private:
  bool has_watermark() const { return !mirror_.text("watermark_column").empty(); }
  /// nullptr: the query has none.
  const Watermark* watermark(const Wait& wait) {
    if (!watermark_ && has_watermark()) watermark_ = read_watermark(control(wait), mirror_, wait);
    return watermark_ ? &*watermark_ : nullptr;
  }
  Problems check_watermark(const Wait& wait);
  Problems check_query(const Wait& wait);
  std::vector<Column> described(const Wait& wait);
  std::string first_of(const Watermark& watermark, const std::optional<std::string>& after, const Round& round, const Wait& wait);
  Connect connector(std::string_view role) const {
    postgres::ConnectOptions options = options_;
    options.application_name = "peerd " + uuid_.substr(0, 8) + " " + std::string(role) + " " + mirror_.name;
    return [options](bool, const Wait& wait) { return postgres::Connection::open(options, wait); };
  }
  postgres::Connection& control(const Wait& wait) {
    if (!control_ || control_->broken()) control_ = connector("control")(false, wait);
    return *control_;
  }

  postgres::ConnectOptions options_;
  const MirrorSpec mirror_;
  const std::string uuid_;
  const QueryTemplate query_;
  std::optional<Watermark> watermark_;
  std::unique_ptr<postgres::Connection> control_;
};

Problem problem(ErrorCode code, std::string field, std::string message, std::string hint, std::string cure = {}) {
  return {ErrorText{.code = code, .message = std::move(message), .hint = std::move(hint), .field = std::move(field)}, std::move(cure)};
}

/// What `work` throws of what is wrong, as a problem; that a server cannot be reached stays thrown.
template <typename Work>
Problems gathered(Work work) {
  try {
    return work();
  } catch (const Error& error) {
    if (retry_of(error.text) == Retry::later) throw;
    return {{error.text, {}}};
  }
}

Problems PostgresQuerySource::preflight(const Wait& wait) {
  if (control(wait).run("SELECT pg_is_in_recovery()", wait).boolean(0, 0)) {
    return {problem(ErrorCode::source_unfit, "source_name",
                    "the source is a standby, which does not know what is still open at its primary: rows that commit late would be missed",
                    "name the primary as the source")};
  }
  Problems problems;
  if (has_watermark()) problems = gathered([&] { return check_watermark(wait); });
  // The query needs literals of the watermark's type.
  if (has_watermark() && !watermark_) return problems;
  std::ranges::move(gathered([&] { return check_query(wait); }), std::back_inserter(problems));
  return problems;
}

Problems PostgresQuerySource::check_watermark(const Wait& wait) {
  const Watermark& found = *watermark(wait);
  const std::string what = "watermark column " + found.column + " of " + found.table;
  if (found.type.empty()) {
    watermark_.reset();
    return {problem(ErrorCode::source_unfit, "watermark_column",
                    what + " is of type " + found.shown + ": ranges are cut of integers, dates and timestamps, which have a next value",
                    "use such a column; a view of the table may have it")};
  }
  Problems problems;
  const bool goes_on = !mirror_.boolean("initial_copy_only"), overwrite = mirror_.query_mode() == QueryMode::overwrite;
  if (found.coarse && goes_on && mirror_.query_mode() == QueryMode::append) {
    problems.push_back(problem(ErrorCode::source_unfit, "watermark_column",
                               what + " is of type " + found.shown + ": rows can still come with a value that was copied already, and append would miss them",
                               "use a timestamp with all its digits, or mode = 'upsert', which reads the last value again"));
  }
  const std::int64_t cache = sequence_cache(control(wait), found, mirror_, wait);
  if (cache > 1 && goes_on && !overwrite) {
    problems.push_back(problem(ErrorCode::source_unfit, "watermark_column",
                               what + " is filled by a sequence with CACHE " + std::to_string(cache) +
                                   ": sessions hand out its values later than higher ones, and such rows would be missed",
                               "ALTER SEQUENCE … CACHE 1"));
  }
  control(wait).run("SELECT " + found.column + " FROM " + found.table + " LIMIT 0", wait);
  return problems;
}

Problems PostgresQuerySource::check_query(const Wait& wait) {
  const std::vector<Column> columns = described(wait);
  Problems problems = check_columns(control(wait), columns, wait);
  for (const std::string& key : mirror_.unique_keys()) {
    if (std::ranges::find(columns, key, &Column::name) != columns.end()) continue;
    std::vector<std::string_view> names;
    for (const Column& column : columns) names.emplace_back(column.name);
    const std::string_view meant = closest(key, names);
    problems.push_back(problem(ErrorCode::invalid_option, "unique_key_columns", "the query returns no column \"" + key + "\"",
                               meant.empty() ? "add it to the query" : "did you mean " + std::string(meant) + "?"));
  }
  return problems;
}

std::vector<Column> PostgresQuerySource::described(const Wait& wait) {
  const Bounds bounds = bounds_of(watermark(wait), Chunk::KeyRange{});
  postgres::Connection& connection = control(wait);
  connection.run("BEGIN READ ONLY", wait);
  try {
    std::vector<Column> columns = describe_query(connection, query_, bounds, wait);
    connection.run("COMMIT", wait);
    return columns;
  } catch (...) {
    control_.reset();
    throw;
  }
}

MirrorTable PostgresQuerySource::describe(const Wait& wait) {
  MirrorTable table;
  TableSchema& schema = table.schema;
  schema.id = kQueryTable;
  const std::string& source = mirror_.tables.at(0).source;
  const postgres::QualifiedName name = source.empty() ? postgres::QualifiedName{"public", "query"} : postgres::parse_qualified(source);
  schema.schema = name.schema;
  schema.name = name.name;
  schema.columns = described(wait);
  throw_if_any(check_columns(control(wait), schema.columns, wait));
  for (const std::string& key : mirror_.unique_keys()) {
    const auto found = std::ranges::find(schema.columns, key, &Column::name);
    if (found == schema.columns.end())
      throw Error(problem(ErrorCode::source_unfit, "unique_key_columns", "the query returns no column \"" + key + "\"", "").text);
    found->in_key = true;
    found->nullable = false;
    schema.key.push_back(static_cast<std::uint16_t>(found - schema.columns.begin()));
  }
  table.target_name = mirror_.tables.at(0).target;
  return table;
}

SourceIdentity PostgresQuerySource::identity(const Wait& wait) {
  postgres::Connection& connection = control(wait);
  const postgres::Result database = connection.run(
      "SELECT oid, datname, has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') FROM pg_database"
      " WHERE datname = current_database()",
      wait);
  SourceIdentity identity;
  identity.database_oid = static_cast<std::uint32_t>(database.integer(0, 0));
  identity.database = database.string(0, 1);
  if (!database.boolean(0, 2)) return identity;
  const postgres::Result system = connection.run("SELECT system_identifier FROM pg_control_system()", wait);
  identity.system_identifier = std::stoull(system.string(0, 0));
  // Not pg_control_checkpoint()'s, which is that of before until a promoted server's first checkpoint.
  identity.timeline = timeline_of(connection, wait);
  if (identity.timeline == 0) throw_standby();
  return identity;
}

std::optional<QuerySource::Round> PostgresQuerySource::measure(const std::optional<std::string>& after, const Wait& wait) {
  const Watermark* mark = watermark(wait);
  postgres::Connection& connection = control(wait);
  Round round;
  if (mark != nullptr) {
    std::string sql = "SELECT max(" + mark->column + ")::" + mark->type + "::text, " +
                      (mark->infinite ? "min(" + mark->column + ")::text" : "NULL") + " FROM " + mark->table;
    if (after) sql += " WHERE " + mark->column + (mark->coarse ? " >= " : " > ") + mark->value(*after);
    const postgres::Result found = connection.run(sql, wait);
    if (found.null(0, 0)) return std::nullopt;
    round.last = found.string(0, 0);
    if (mark->infinite && (round.last.ends_with("infinity") || found.text(0, 1).ends_with("infinity"))) {
      throw Error(ErrorText{.code = ErrorCode::source_unfit,
                            .message = "watermark column " + mark->column + " of " + mark->table +
                                       " holds infinity, which nothing could come behind",
                            .hint = "UPDATE such rows to a time, then RESUME MIRROR",
                            .retry = Retry::after_operator});
    }
  }
  round.position = await_flushed(connection, wait);
  return round;
}

std::string PostgresQuerySource::first_of(const Watermark& mark, const std::optional<std::string>& after, const Round& round, const Wait& wait) {
  if (after && mark.coarse) return *after;
  if (after) return control(wait).run("SELECT (" + mark.value(*after) + " + " + mark.step + ")::" + mark.type + "::text", wait).string(0, 0);
  const postgres::Result least = control(wait).run(
      "SELECT min(" + mark.column + ")::" + mark.type + "::text FROM " + mark.table + " WHERE " + mark.column + " <= " + mark.value(round.last), wait);
  return least.null(0, 0) ? round.last : least.string(0, 0);  // All of them were deleted meanwhile.
}

std::vector<Chunk> PostgresQuerySource::cut(const MirrorTable& table, const std::optional<std::string>& after, const Round& round,
                                            std::uint64_t rows, const Wait& wait) {
  std::vector<Chunk> chunks;
  const auto add = [&](std::vector<std::string> first, std::vector<std::string> last) {
    Chunk chunk;
    chunk.table = table.schema.id;
    chunk.start = table.start;
    chunk.number = static_cast<std::uint32_t>(chunks.size());
    chunk.range = Chunk::KeyRange{std::move(first), std::move(last), 0};
    chunks.push_back(std::move(chunk));
  };
  const Watermark* mark = watermark(wait);
  if (mark == nullptr) {
    add({}, {});
    return chunks;
  }
  std::string first = first_of(*mark, after, round, wait);
  const std::string from = mark->column + " >= " + mark->value(first) + " AND " + mark->column + " < " + mark->value(round.last);
  // Each rows-th watermark ends a range; the last one ends with the round.
  control(wait).each_row(
      "SELECT DISTINCT w::" + mark->type + "::text AS last, (w::" + mark->type + " + " + mark->step + ")::" + mark->type +
          "::text AS next, w AS place FROM (SELECT " + mark->column + " AS w, row_number() OVER (ORDER BY " + mark->column + ") AS n FROM " +
          mark->table + " WHERE " + from + ") AS marks WHERE n % " + std::to_string(rows) + " = 0 ORDER BY place",
      {}, wait, [&](const postgres::Result& row) {
        add({first}, {row.string(0, 0)});
        first = row.string(0, 1);
      });
  add({first}, {round.last});
  return chunks;
}

}  // namespace

std::unique_ptr<QuerySource> make_postgres_query_source(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
  return std::make_unique<PostgresQuerySource>(peer, mirror, lease);
}

}  // namespace peerd
