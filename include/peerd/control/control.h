#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/base/mutex.h"
#include "peerd/catalog/catalog.h"
#include "peerd/mirrors/connectors.h"
#include "peerd/mirrors/supervisor.h"

namespace peerd {

enum class IfExists { no, yes };
/// What an idempotent statement did. The faces word it ("NO SUCH PEER").
enum class Done { done, was_there, was_absent };

/// Everything that an operator can ask about peers, once for all faces. Thread-safe, as its parts are.
class PeerControl {
 public:
  PeerControl(Catalog& catalog, const Connectors& connectors) : catalog_(catalog), connectors_(connectors) {}
  enum class Check { yes, no };
  /// Checks options, connects (within 15 s, or the peer's connect_timeout), stores. was_there: the same peer existed, or,
  /// `if_not_exists`, any of that name, which is left as it is. A different one of that name: already_exists naming what
  /// differs, unless `replace`. One that mirrors use is replaced by the same server and database alone. Names: [A-Za-z_][A-Za-z0-9_-]*, at most 63. Kinds in any case.
  Done create(std::string_view name, std::string_view kind, const RawOptions& options, Replace replace, IfExists if_not_exists,
              Check check, const Wait& wait);
  /// Some options of a peer set, others (by name) taken back to their defaults; then as create() with `replace`. was_absent
  /// with `if_exists` alone. was_there: nothing differs.
  Done alter(std::string_view name, const RawOptions& set, const std::vector<std::string>& reset, IfExists if_exists,
             const Wait& wait);
  void validate(std::string_view name, std::string_view kind, const RawOptions& options, const Wait& wait);
  Done drop(std::string_view name, IfExists if_exists);
  PeerSpec get(std::string_view name);    ///< Secrets in plain: for sessions. Throws not_found with a suggestion.
  std::vector<PeerSpec> list();           ///< Secrets redacted.
  std::unique_ptr<PeerSession> session(std::string_view name);
  const Connectors& connectors() const { return connectors_; }

 private:
  Catalog& catalog_;
  const Connectors& connectors_;
};

/// What CREATE MIRROR asks, before checking.
struct MirrorRequest {
  std::string name, source, target;
  std::vector<TableMapping> tables;
  RawOptions options;
  std::optional<std::string> query{};  ///< Of a mirror of a query: its text. Its tables follow from the options.
};

/// What ALTER MIRROR asks.
struct MirrorChange {
  std::vector<TableMapping> add;  ///< Also patterns.
  std::vector<std::string> drop;  ///< Source tables, and patterns as they were written; with those their tables go.
  RawOptions set;                 ///< Of those that may change while a mirror lives.
  std::optional<std::vector<TableMapping>> patterns{};  ///< All of its patterns from now on, with what they name now.
};

class MirrorControl {
 public:
  MirrorControl(Catalog& catalog, const Connectors& connectors, Supervisor& supervisor)
      : catalog_(catalog), connectors_(connectors), supervisor_(supervisor) {}
  /// Checks options, mapping (duplicates, a target table of another mirror), both peers' preflight, and tells every problem
  /// at once; stores in SETUP; starts. was_there: as with peers.
  Done create(const MirrorRequest& request, IfExists if_not_exists, const Wait& wait);
  /// As create(); one that is there becomes what is asked, as by change(), where it can while it lives.
  Done replace(const MirrorRequest& request, const Wait& wait);
  void validate(const MirrorRequest& request, const Wait& wait);  ///< All of that, storing nothing.
  /// pause waits until PAUSED (in flight work is dropped after a deadline, rules.md 38), receiving or not; resume returns once stored; drop
  /// returns when slot, publication and bookkeeping are gone, or throws, leaving TERMINATING; a forced one leaves behind what
  /// cannot be removed and says it in `left`. was_there: it was in that state.
  Done request(std::string_view name, MirrorEvent event, IfExists if_exists, const Wait& wait,
               std::vector<std::string>* left = nullptr);
  /// Checks everything of what is new, as create(), and stores it; the mirror takes it up by itself, or when it is resumed.
  /// was_there: it is so already.
  Done change(std::string_view name, const MirrorChange& change, IfExists if_exists, const Wait& wait);
  /// RESYNC: these of its source tables, or all when none is named, are copied anew in the shape that they have now. Asks both
  /// peers what stands against it, and tells all of it at once; stores it. A failed mirror goes on with it, a paused one
  /// when it is resumed.
  Done resync(std::string_view name, const std::vector<std::string>& tables, IfExists if_exists, const Wait& wait);
  /// Of a paused mirror of tables: what its source has to keep, as far as that can be told within five seconds, and what
  /// follows when it is too much.
  struct Outlook {
    std::string message, hint;
  };
  Outlook pause_outlook(std::string_view name, const Wait& wait);
  /// A table that cannot be added, and why.
  struct Unfit {
    TableMapping mapping;
    ErrorText why;
  };
  /// Of tables that patterns of a mirror name, and that it lacks: adds, all at once, those that can be. Answers the
  /// others, each with the reason. Throws what may be over the next time: a server that cannot be asked, a mirror that
  /// was changed meanwhile.
  std::vector<Unfit> add_named(const MirrorRecord& there, std::vector<TableMapping> tables, const Wait& wait);
  MirrorStatus status(std::string_view name);      ///< Throws not_found with a suggestion.
  std::vector<MirrorStatus> list();
  MirrorRecord record(std::string_view name);

 private:
  /// From one supervisor's figures, or the catalog's where it has none yet.
  MirrorStatus status_of(const MirrorRecord& record) const;
  void await(const MirrorRecord& record, MirrorState state, const Wait& wait);
  bool being_dropped(std::string_view name, const Wait& wait);
  Problems check_added(const MirrorRecord& there, MirrorSpec fresh, const struct Ends& ends, bool askable,
                       const Wait& wait);
  void store_change(const MirrorRecord& there, const MirrorSpec& spec, const struct Ends& ends);
  Catalog& catalog_;
  const Connectors& connectors_;
  Supervisor& supervisor_;
  Mutex creating_;  ///< From the look for other mirrors of a target table to the storing.
};

/// A named table that the SQL face can select from: typed columns, current rows, secrets redacted.
struct View {
  struct Column {
    std::string name;
    enum class Type { text, integer, real, boolean, timestamp } type;
  };
  using Cell = std::optional<std::string>;  ///< In Postgres's text form.
  std::string name, doc;
  std::vector<Column> columns;
  std::function<std::vector<std::vector<Cell>>()> rows;
};
/// peers, mirrors, mirror_tables, mirror_batches, mirror_logs, mirror_chunks, settings-like ones later. docs/views.md is checked against it.
/// Those with a column `mirror` hold the rows of `only_mirror` alone, unless it is "": what is asked of one mirror must not cost
/// what all of them hold.
std::vector<View> views(PeerControl& peers, MirrorControl& mirrors, Catalog& catalog, const std::string& only_mirror = {});

}  // namespace peerd
