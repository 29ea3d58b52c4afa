#include "command.h"

#include <algorithm>

#include "peerd/base/problems_error.h"
#include "values.h"

namespace peerd::sql {
namespace {

using std::chrono::seconds;
constexpr seconds kCreatePeer{20}, kMirror{60};

Report note(std::string message, std::string_view sqlstate = "00000", std::string_view severity = "NOTICE") {
  Report report;
  report.severity = severity;
  report.sqlstate = sqlstate;
  report.message = std::move(message);
  return report;
}

/// Runs `work`; an error that names an option gets that option's place in the statement.
template <typename Work>
auto with_positions(const OptionPositions& positions, Work work) {
  try {
    return work();
  } catch (const StatementError&) {
    throw;
  } catch (const Error& error) {
    const auto found = positions.find(error.text.field);
    if (found == positions.end()) throw;
    throw StatementError(facts(error.text.code).sqlstate, error.text, found->second);
  }
}

std::string_view word_of(MirrorEvent event) {
  return pauses(event) ? "PAUSE" : event == MirrorEvent::resume ? "RESUME" : "DROP";
}

/// One overload per statement; each returns the tag.
class Command final : public Runnable {
 public:
  Command(Statement statement, SessionContext& context) : statement_(std::move(statement)), context_(context) {}

  std::vector<ResultColumn> columns(const Wait&) override {
    if (std::holds_alternative<ExplainMirror>(statement_))
      return {{"table", oid::kText}, {"option", oid::kText}, {"problem", oid::kText}, {"cure", oid::kText}};
    const auto* show = std::get_if<ShowStatement>(&statement_);
    if (!show) return {};
    if (show->name != "all") return {{std::string(shown_name(show->name)), oid::kText}};
    return {{"name", oid::kText}, {"setting", oid::kText}, {"description", oid::kText}};
  }

  std::optional<std::string> run(ResultWriter& writer, std::uint64_t, const Wait& wait) override {
    return std::visit([&](auto& statement) { return run(statement, writer, wait); }, statement_);
  }

 private:
  static std::string_view shown_name(const std::string& name) {
    const auto reported = Settings::reported_name(name);
    return reported.empty() ? std::string_view(name) : reported;
  }

  void changed() { context_.changed_in_transaction = context_.transaction != 'I'; }

  std::string run(CreatePeer& create, ResultWriter& writer, const Wait& wait) {
    const Done done = with_positions(create.positions, [&] {
      return context_.deps.peers.create(create.name, create.kind, create.options, create.replace, create.if_not_exists,
                                        PeerControl::Check::yes, wait.shorter(kCreatePeer));
    });
    if (done == Done::was_there) writer.notice(note("peer \"" + create.name + "\" exists already"));
    changed();
    return "OK";
  }

  std::string run(AlterPeer& alter, ResultWriter& writer, const Wait& wait) {
    const Done done = with_positions(alter.positions, [&] {
      return context_.deps.peers.alter(alter.name, alter.set, alter.reset, alter.if_exists, wait.shorter(kCreatePeer));
    });
    changed();
    if (done == Done::was_absent) writer.notice(note("peer \"" + alter.name + "\" does not exist"));
    if (done == Done::was_there) writer.notice(note("peer \"" + alter.name + "\" is so already"));
    return done == Done::was_absent ? "NO SUCH PEER" : "ALTER PEER " + alter.name;
  }

  std::string run(DropPeer& drop, ResultWriter& writer, const Wait&) {
    const Done done = context_.deps.peers.drop(drop.name, drop.if_exists);
    changed();
    if (drop.as_delete) return done == Done::was_absent ? "DELETE 0" : "DELETE 1";
    if (done != Done::was_absent) return "DROP PEER " + drop.name;
    writer.notice(note("peer \"" + drop.name + "\" does not exist"));
    return "NO SUCH PEER";
  }

  std::string run(CreateMirror& create, ResultWriter& writer, const Wait& wait) {
    for (const auto& text : create.notices) writer.notice(note(text));
    const Done done = with_positions(create.positions, [&] {
      return context_.deps.mirrors.create(create.request, create.if_not_exists, wait.shorter(kMirror));
    });
    changed();
    if (done != Done::was_there) return "CREATE MIRROR " + create.request.name;
    writer.notice(note("mirror \"" + create.request.name + "\" exists already"));
    return create.if_not_exists == IfExists::yes ? "MIRROR ALREADY EXISTS" : "CREATE MIRROR " + create.request.name;
  }

  /// A row for each problem.
  std::string run(ExplainMirror& explain, ResultWriter& writer, const Wait& wait) {
    Problems problems;
    try {
      context_.deps.mirrors.validate(explain.create.request, wait.shorter(kMirror));
    } catch (const ProblemsError& error) {
      problems = error.problems;
    } catch (const Error& error) {
      problems.push_back({error.text, {}});
    }
    writer.columns(columns(wait));
    for (const auto& [text, cure_sql] : problems) {
      const std::string problem = text.detail.empty() ? text.message : text.message + " (" + text.detail + ")";
      const std::string& cure = cure_sql.empty() ? text.hint : cure_sql;
      const auto cell = [](const std::string& of) {
        return of.empty() ? std::optional<std::string_view>() : std::optional<std::string_view>(of);
      };
      const std::optional<std::string_view> cells[] = {cell(text.table), cell(text.field), problem, cell(cure)};
      writer.row(cells);
    }
    if (problems.empty()) writer.notice(note("nothing stands against mirror \"" + explain.create.request.name + "\""));
    return "EXPLAIN";
  }

  std::string run(AlterMirror& alter, ResultWriter& writer, const Wait& wait) {
    for (const auto& text : alter.notices) writer.notice(note(text));
    const Done done = with_positions(alter.positions, [&] {
      return context_.deps.mirrors.change(alter.name, alter.change, alter.if_exists, wait.shorter(kMirror));
    });
    changed();
    if (done == Done::was_absent) {
      writer.notice(note("mirror \"" + alter.name + "\" does not exist"));
      return "NO SUCH MIRROR";
    }
    if (done == Done::was_there) writer.notice(note("mirror \"" + alter.name + "\" is so already"));
    return "ALTER MIRROR " + alter.name;
  }

  std::string run(ChangeMirror& change, ResultWriter& writer, const Wait& wait) {
    std::vector<std::string> left;
    const Done done = with_positions(change.positions, [&] {
      const bool receives = option_boolean(pause_options(), parse_options(pause_options(), change.options), "receive");
      if (receives) change.event = MirrorEvent::pause_receiving;
      return context_.deps.mirrors.request(change.name, change.event, change.if_exists, wait.shorter(kMirror), &left);
    });
    changed();
    for (const std::string& what : left) writer.notice(note("left behind " + what));
    if (done == Done::was_absent) {
      writer.notice(note("mirror \"" + change.name + "\" does not exist"));
      return "NO SUCH MIRROR";
    }
    if (done == Done::was_there) writer.notice(note("mirror \"" + change.name + "\" is in that state already"));
    if (pauses(change.event) && !context_.deps.mirrors.record(change.name).spec.of_query()) tell_of_wal(change.name, writer, wait);
    return std::string(word_of(change.event)) + " MIRROR " + change.name;
  }

  std::string run(ResyncMirror& resync, ResultWriter& writer, const Wait& wait) {
    const Done done = context_.deps.mirrors.resync(resync.name, resync.tables, resync.if_exists, wait.shorter(kMirror));
    changed();
    if (done == Done::was_absent) {
      writer.notice(note("mirror \"" + resync.name + "\" does not exist"));
      return "NO SUCH MIRROR";
    }
    const MirrorState state = context_.deps.mirrors.record(resync.name).state;
    if (state == MirrorState::paused || state == MirrorState::pausing)
      writer.notice(note("mirror \"" + resync.name + "\" is paused: the copy begins with RESUME MIRROR"));
    return (resync.tables.empty() ? "RESYNC MIRROR " : "RESYNC TABLE OF ") + resync.name;
  }

  Alerts& alerts() {
    if (context_.deps.alerts == nullptr) throw Error(ErrorCode::not_supported, "this server tells no alerts");
    return *context_.deps.alerts;
  }

  /// `work` on a configuration; its errors name fields by their places in REST's body.
  template <typename Work>
  auto on_alert(const OptionPositions& positions, Work work) {
    return with_positions(positions, [&] {
      try {
        return work();
      } catch (Error& error) {
        for (const std::string_view place : {"config.service_config.", "config."}) {
          if (error.text.field.starts_with(place)) error.text.field.erase(0, place.size());
          if (error.text.message.starts_with(place)) error.text.message.erase(0, place.size());
        }
        throw;
      }
    });
  }

  void tell_of_absent(const std::vector<std::string>& names, ResultWriter& writer) {
    for (const std::string& name : names)
      if (!context_.deps.catalog.mirror(name)) writer.notice(note("mirror \"" + name + "\" is not there yet"));
  }

  std::string run(CreateAlert& create, ResultWriter& writer, const Wait&) {
    const auto id = on_alert(create.positions, [&] { return alerts().make(create.service, create.fields, create.mirrors); });
    tell_of_absent(create.mirrors, writer);
    changed();
    return "CREATE ALERT " + std::to_string(id);
  }

  std::string run(AlterAlert& alter, ResultWriter& writer, const Wait&) {
    if (alter.if_exists == IfExists::yes && !is_alert(alter.id)) return no_alert(alter.id, writer);
    on_alert(alter.positions, [&] { alerts().change(alter.id, alter.set, alter.reset, alter.mirrors); });
    if (alter.mirrors) tell_of_absent(*alter.mirrors, writer);
    changed();
    return "ALTER ALERT " + std::to_string(alter.id);
  }

  std::string run(DropAlert& drop, ResultWriter& writer, const Wait&) {
    if (drop.if_exists == IfExists::yes && !is_alert(drop.id)) return no_alert(drop.id, writer);
    on_alert({}, [&] { alerts().drop(drop.id); });
    changed();
    return "DROP ALERT " + std::to_string(drop.id);
  }

  std::string run(TestAlert& test, ResultWriter&, const Wait& wait) {
    on_alert({}, [&] { alerts().test(test.id, wait); });
    return "TEST ALERT " + std::to_string(test.id);
  }

  bool is_alert(std::int64_t id) {
    return std::ranges::any_of(alerts().list(), [&](const AlertConfig& config) { return config.id == id; });
  }

  static std::string no_alert(std::int64_t id, ResultWriter& writer) {
    writer.notice(note("alert " + std::to_string(id) + " does not exist"));
    return "NO SUCH ALERT";
  }

  /// What a paused mirror costs.
  void tell_of_wal(const std::string& mirror, ResultWriter& writer, const Wait& wait) {
    const MirrorControl::Outlook outlook = context_.deps.mirrors.pause_outlook(mirror, wait);
    Report report = note(outlook.message);
    report.hint = outlook.hint;
    writer.notice(report);
  }

  std::string run(TransactionStatement& statement, ResultWriter& writer, const Wait&) {
    using Kind = TransactionStatement::Kind;
    const bool open = context_.transaction != 'I', failed = context_.transaction == 'E';
    switch (statement.kind) {
      case Kind::begin:
        if (open) writer.notice(note("there is already a transaction in progress", "25001", "WARNING"));
        if (!open) context_.changed_in_transaction = false;
        if (!open) context_.transaction = 'T';
        return "BEGIN";
      case Kind::commit:
      case Kind::rollback: {
        const bool rollback = statement.kind == Kind::rollback || failed;
        if (!open) writer.notice(note("there is no transaction in progress", "25P01", "WARNING"));
        if (rollback) warn_of_changes(writer);
        context_.transaction = 'I';
        return rollback ? "ROLLBACK" : "COMMIT";
      }
      default:
        if (!open) throw StatementError("25P01", "savepoints can only be used in transaction blocks");
        if (statement.kind == Kind::savepoint) return "SAVEPOINT";
        if (statement.kind == Kind::release) return "RELEASE";
        warn_of_changes(writer);
        context_.transaction = 'T';
        return "ROLLBACK";
    }
  }

  void warn_of_changes(ResultWriter& writer) {
    if (!context_.changed_in_transaction) return;
    context_.changed_in_transaction = false;
    writer.notice(
        note("statements on peers, mirrors and alerts take effect at once: ROLLBACK undid none of them", "01000", "WARNING"));
  }

  std::string run(SetStatement& set, ResultWriter& writer, const Wait&) {
    if (set.ignored) return "SET";
    if (set.to_default) {
      context_.settings.reset(set.name);
    } else {
      context_.settings.set(set.name, set.value);
    }
    tell(set.name, writer);
    return "SET";
  }

  std::string run(ResetStatement& reset, ResultWriter& writer, const Wait&) {
    const auto before = context_.settings.reported();
    context_.settings.reset(reset.name);
    if (reset.name != "all") {
      tell(reset.name, writer);
    } else {
      tell_differences(before, writer);
    }
    return "RESET";
  }

  std::string run(ShowStatement& show, ResultWriter& writer, const Wait& wait) {
    if (show.name == "all") {
      writer.columns(columns(wait));
      for (const auto& [name, value] : context_.settings.all()) {
        const std::optional<std::string_view> cells[] = {name, value, std::string_view()};
        writer.row(cells);
      }
      return "SHOW";
    }
    const auto value = context_.settings.get(show.name);
    if (!value)
      throw StatementError("42704", "unrecognized configuration parameter \"" + show.name + "\"",
                           "SHOW ALL lists those that are known");
    writer.columns(columns(wait));
    const std::optional<std::string_view> cells[] = {*value};
    writer.row(cells);
    return "SHOW";
  }

  std::string run(ForgetStatement& forget, ResultWriter& writer, const Wait&) {
    using What = ForgetStatement::What;
    if (forget.what == What::prepared && !context_.forget_prepared(forget.name)) {
      throw StatementError("26000", "prepared statement \"" + forget.name + "\" does not exist");
    }
    if (forget.what == What::all_prepared || forget.what == What::everything) context_.forget_all_prepared();
    if (forget.what == What::everything) {
      const auto before = context_.settings.reported();
      context_.settings.reset("all");
      tell_differences(before, writer);
    }
    return forget.tag;
  }

  template <typename Query>
  std::string run(Query&, ResultWriter&, const Wait&) {
    throw Error(ErrorCode::internal, "a query is no command");
  }

  void tell(const std::string& name, ResultWriter& writer) {
    const auto reported = Settings::reported_name(name);
    if (!reported.empty()) writer.parameter_status(reported, context_.settings.get(name).value_or(""));
  }

  void tell_differences(const std::vector<std::pair<std::string, std::string>>& before, ResultWriter& writer) {
    const auto after = context_.settings.reported();
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (after[i] != before[i]) writer.parameter_status(after[i].first, after[i].second);
    }
  }

  Statement statement_;
  SessionContext& context_;
};

}  // namespace

std::unique_ptr<Runnable> make_command(Statement statement, SessionContext& context) {
  return std::make_unique<Command>(std::move(statement), context);
}

}  // namespace peerd::sql
