#include "peerd/control/new_tables.h"

#include <pthread.h>

#include <algorithm>
#include <set>

#include "mirror_check.h"
#include "patterns.h"
#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "peerd/control/mirror_sql.h"

namespace peerd {
namespace {

constexpr std::chrono::seconds kRound{3}, kFirst{1}, kLongest{30}, kAsk{30};
constexpr int kShare = 10;  ///< Sources with many tables are not asked all the time.
/// Rights and target tables change without a trace in the source's catalog.
constexpr std::chrono::seconds kUnfit{60};
/// One that was added and given back: by what has to be cured, or it was gone for a moment.
constexpr std::chrono::seconds kGivenBack{600};

constexpr std::string_view kAsked = "tables that patterns name are there, and not mirrored: ";

/// The tables that the log tells of already.
std::set<std::string> asked_for(const std::vector<LogRecord>& lines) {
  std::set<std::string> told;
  for (const LogRecord& line : lines) {
    if (!line.message.starts_with(kAsked)) continue;
    for (const std::string& name : split(line.message.substr(kAsked.size()), ',')) told.insert(name.substr(name.find_first_not_of(' ')));
  }
  return told;
}

std::string names_of(const std::vector<TableMapping>& tables) {
  std::vector<std::string> names;
  for (const TableMapping& table : tables) names.push_back(source_table(table).told());
  return join(names, ", ");
}

}  // namespace

void NewTables::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "new tables");
    Clock& clock = system_clock();
    Clock::Instant next = clock.now() + kFirst;
    while (clock.sleep_until(next, stop)) {
      const Clock::Instant began = clock.now();
      try {
        round(stop);
      } catch (const Stopped&) {
        return;
      } catch (...) {
        log(LogLevel::warning, current_error().message, {.phase = "new tables"});
      }
      const Clock::Instant ended = clock.now();
      next = ended + std::clamp<Clock::Instant::duration>((ended - began) * kShare, kRound, kLongest);
    }
  });
}

void NewTables::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void NewTables::round(const std::stop_token& stop) {
  const std::vector<MirrorRecord> records = catalog_.mirrors();
  std::erase_if(memory_, [&](const auto& entry) { return std::ranges::find(records, entry.first, &MirrorRecord::id) == records.end(); });
  for (const MirrorRecord& record : records) {
    try {
      look(record, stop);
    } catch (const Error& error) {
      // The mirror's own thread tells of a server that cannot be asked, and the next round comes soon.
      log(LogLevel::debug, error.text.message, {.mirror = record.spec.name, .phase = "new tables"});
    }
  }
}

void NewTables::look(const MirrorRecord& record, const std::stop_token& stop) {
  const std::string word = record.spec.of_query() ? "ignore" : record.spec.text("new_tables");
  if (record.spec.patterns.empty() || word == "ignore") {
    if (memory_.erase(record.id) > 0) supervisor_.show_new_tables(record.id, {});
    return;
  }
  if (record.state != MirrorState::running || supervisor_.status(record.id).failing) return;
  const auto from = catalog_.peer(record.spec.source), to = catalog_.peer(record.spec.target);
  if (!from || !to) return;
  Memory& memory = memory_[record.id];
  if (memory.uuid != record.uuid) memory = {.uuid = record.uuid};
  const auto source = connectors_.of(from->kind).source(*from, record.spec, Lease{record.id, 0, record.uuid});
  const Expansion named = expand(record.spec, *source, connectors_.find(to->kind), Wait::at_most(kAsk, stop));
  std::vector<TableMapping> found;
  std::set<std::string> still;
  for (const Expansion::Found& table : named.found) {
    Seen& seen = memory.tables[table.mapping.source];
    if (seen.mark != table.mark) seen.again = {};
    seen.mark = table.mark;
    seen.shown.target = table.mapping.target;
    found.push_back(table.mapping);
    still.insert(table.mapping.source);
  }
  for (const Problem& problem : named.problems) {
    Seen& seen = memory.tables[problem.text.table];
    still.insert(problem.text.table);
    seen.shown.reason = problem.text.message;
    seen.shown.hint = problem.text.hint;
    if (std::exchange(seen.told, problem.text.message) != problem.text.message) tell(record, memory, problem.text.message, problem.text.hint);
  }
  std::erase_if(memory.tables, [&](const auto& entry) { return !still.contains(entry.first); });
  if (word == "ask") ask(record, memory, found);
  else add(record, memory, found, stop);
  memory.recalls = false;
  show(record, memory);
}

void NewTables::ask(const MirrorRecord& record, Memory& memory, const std::vector<TableMapping>& found) {
  const auto statement = [&](const std::vector<TableMapping>& tables) {
    return alter_mirror_sql(record.spec.name, tables, *catalog_.peer(record.spec.source), *catalog_.peer(record.spec.target), connectors_);
  };
  std::vector<TableMapping> fresh;
  for (const TableMapping& table : found) {
    Seen& seen = memory.tables[table.source];
    seen.shown.reason = "a pattern of the mirror names it, and new_tables = 'ask'";
    seen.shown.hint = statement({table}) + " adds it; DROP TABLE " + table.source + " in its place leaves it out for good";
    if (std::exchange(seen.told, "asked") != "asked") fresh.push_back(table);
  }
  if (memory.recalls && !fresh.empty()) {
    const std::set<std::string> told = asked_for(catalog_.logs(record.id));
    std::erase_if(fresh, [&](const TableMapping& table) { return told.contains(source_table(table).told()); });
  }
  if (fresh.empty()) return;
  tell(record, memory, std::string(kAsked) + names_of(fresh),
       statement(fresh) + " adds them; DROP TABLE leaves one out for good");
}

void NewTables::add(const MirrorRecord& record, Memory& memory, const std::vector<TableMapping>& found, const std::stop_token& stop) {
  const auto now = std::chrono::steady_clock::now();
  std::vector<TableMapping> due;
  for (const TableMapping& table : found) {
    Seen& seen = memory.tables[table.source];
    if (seen.again <= now) {
      due.push_back(table);
    } else if (seen.added) {
      seen.shown.reason = "it was added, and could not be taken up: mirror_logs tells why";
      seen.shown.hint = "it is tried again when it has changed";
    }
  }
  if (due.empty()) return;
  const auto unfit = mirrors_.add_named(record, due, Wait::at_most(std::chrono::minutes(10), stop));
  for (const TableMapping& table : due) {
    Seen& seen = memory.tables[table.source];
    seen.again = now + kGivenBack;
    seen.added = true;
    seen.shown.reason.clear();
  }
  for (const MirrorControl::Unfit& left : unfit) {
    Seen& seen = memory.tables[left.mapping.source];
    seen.again = now + kUnfit;
    seen.added = false;
    seen.shown.reason = left.why.message;
    seen.shown.hint = left.why.hint;
    const std::string message = "new table " + source_table(left.mapping).told() + " cannot be added: " + left.why.message;
    if (std::exchange(seen.told, message) != message) tell(record, memory, message, left.why.hint);
  }
}

/// Once, also over restarts.
void NewTables::tell(const MirrorRecord& record, const Memory& memory, const std::string& message, const std::string& hint) {
  if (memory.recalls && std::ranges::any_of(catalog_.logs(record.id), [&](const LogRecord& line) { return line.message == message; })) return;
  log(LogLevel::warning, message, {.mirror = record.spec.name, .phase = "new tables", .hint = hint});
  catalog_.log(record.id, {.level = "warning", .message = message, .detail = {}, .hint = hint});
}

void NewTables::show(const MirrorRecord& record, const Memory& memory) {
  std::vector<NewTable> shown;
  for (const auto& [source, seen] : memory.tables) {
    if (seen.shown.reason.empty()) continue;
    shown.push_back(seen.shown);
    shown.back().source = source;
  }
  supervisor_.show_new_tables(record.id, std::move(shown));
}

namespace {

/// The one of `tables` that the problem is of.
const TableMapping* table_of(const Problem& problem, const std::vector<TableMapping>& tables) {
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::string& told = problem.text.table;
    const bool named = !told.empty() && (told == source_table(tables[i]).told() || told == tables[i].target);
    if (named || problem.text.field.starts_with("table_mappings[" + std::to_string(i) + "]")) return &tables[i];
  }
  return nullptr;
}

ErrorText all_of(const Problems& problems) {
  try {
    throw_if_any(problems);
  } catch (const Error& error) {
    return error.text;
  }
  return {};
}

}  // namespace

std::vector<MirrorControl::Unfit> MirrorControl::add_named(const MirrorRecord& there, std::vector<TableMapping> tables, const Wait& wait) {
  const Ends ends{catalog_.peer(there.spec.source), catalog_.peer(there.spec.target)};
  if (!ends.source || !ends.target) throw Error(ErrorCode::not_found, "a peer of mirror \"" + there.spec.name + "\" is gone");
  for (TableMapping& table : tables) table.came_later = true;
  const auto problems_of = [&](const std::vector<TableMapping>& some) {
    MirrorSpec fresh = there.spec, whole = there.spec;
    fresh.tables = some;
    // In front, so that problems have their places.
    whole.tables.insert(whole.tables.begin(), some.begin(), some.end());
    Problems problems = check_mapping(whole, ends, connectors_);
    append(problems, check_added(there, fresh, ends, problems.empty(), wait));
    for (const Problem& problem : problems)
      if (retry_of(problem.text) == Retry::later) throw Error(problem.text);
    return problems;
  };
  std::vector<Unfit> unfit;
  const auto take_out = [&](const std::vector<std::pair<TableMapping, Problems>>& bad) {
    for (const auto& [mapping, problems] : bad) {
      unfit.push_back({mapping, all_of(problems)});
      std::erase(tables, mapping);
    }
  };
  while (!tables.empty()) {
    const Problems problems = problems_of(tables);
    if (problems.empty()) break;
    std::map<std::string, Problems> by_table;
    for (const Problem& problem : problems)
      if (const TableMapping* of = table_of(problem, tables)) by_table[of->source].push_back(problem);
    std::vector<std::pair<TableMapping, Problems>> bad;
    for (const TableMapping& table : tables)
      if (const auto found = by_table.find(table.source); found != by_table.end()) bad.emplace_back(table, found->second);
    if (bad.empty() && tables.size() == 1) bad.emplace_back(tables.front(), problems);
    if (bad.empty()) {  // It does not say of which.
      for (const TableMapping& table : tables)
        if (Problems own = problems_of({table}); !own.empty()) bad.emplace_back(table, std::move(own));
      if (bad.empty()) throw Error(problems.front().text);
    }
    take_out(bad);
  }
  if (tables.empty()) return unfit;
  MirrorSpec spec = there.spec;
  spec.tables.insert(spec.tables.end(), tables.begin(), tables.end());
  const MirrorRecord now = record(there.spec.name);
  if (now.state != MirrorState::running) throw Error(ErrorCode::wrong_state, "the mirror does not run any more", "it is looked at again when it does");
  store_change(there, spec, ends);
  std::vector<std::string> names;
  for (const TableMapping& table : tables) names.push_back(source_table(table).told());
  const std::string message = "tables that patterns name are added: " + join(names, ", ");
  log(LogLevel::info, message, {.mirror = there.spec.name});
  catalog_.log(there.id, {.level = "info", .message = message, .detail = {}, .hint = {}});
  return unfit;
}

}  // namespace peerd
