#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lexer.h"
#include "peerd/control/control.h"

namespace peerd::sql {

/// Where each option stands in the query, for errors that name one.
using OptionPositions = std::map<std::string, std::size_t, std::less<>>;

struct CreatePeer {
  std::string name, kind;
  RawOptions options;
  OptionPositions positions;
  IfExists if_not_exists = IfExists::no;
  Replace replace = Replace::no;
};
struct AlterPeer {
  std::string name;
  RawOptions set;
  OptionPositions positions;
  std::vector<std::string> reset;
  IfExists if_exists = IfExists::no;
};
struct DropPeer {
  std::string name;
  IfExists if_exists = IfExists::no;
  bool as_delete = false;  ///< DELETE FROM peers WHERE name = 'x'
};
struct CreateMirror {
  MirrorRequest request;
  OptionPositions positions;
  IfExists if_not_exists = IfExists::no;
  std::vector<std::string> notices;
};
/// EXPLAIN CREATE MIRROR …: what stands against it, and nothing is made.
struct ExplainMirror {
  CreateMirror create;
};
/// ALTER MIRROR.
struct AlterMirror {
  std::string name;
  MirrorChange change;
  OptionPositions positions;
  std::vector<std::string> notices;
  IfExists if_exists = IfExists::no;
};
struct ChangeMirror {
  std::string name;
  MirrorEvent event = MirrorEvent::pause;
  RawOptions options;  ///< Of PAUSE alone.
  OptionPositions positions;
  IfExists if_exists = IfExists::no;
};
/// RESYNC MIRROR m; RESYNC TABLE s.t, … OF m.
struct ResyncMirror {
  std::string name;
  std::vector<std::string> tables;  ///< None: all of them.
  IfExists if_exists = IfExists::no;
};
/// CREATE ALERT TO service [FOR MIRROR m, …] WITH ( field = value, … ).
struct CreateAlert {
  std::string service;
  std::vector<std::string> mirrors;  ///< None: every mirror.
  RawOptions fields;
  OptionPositions positions;
};
/// ALTER ALERT n.
struct AlterAlert {
  std::int64_t id = 0;
  RawOptions set;
  OptionPositions positions;
  std::vector<std::string> reset;
  std::optional<std::vector<std::string>> mirrors;
  IfExists if_exists = IfExists::no;
};
struct DropAlert {
  std::int64_t id = 0;
  IfExists if_exists = IfExists::no;
};
/// A message that says it is a test.
struct TestAlert {
  std::int64_t id = 0;
};
/// BEGIN and its kin, which drivers send of themselves.
struct TransactionStatement {
  enum class Kind { begin, commit, rollback, savepoint, release, rollback_to } kind;
};
struct SetStatement {
  std::string name;  ///< In lower case.
  std::string value;
  bool to_default = false;
  bool ignored = false;  ///< SET TRANSACTION and the like: nothing here depends on it.
};
struct ShowStatement {
  std::string name;  ///< "all" too.
};
struct ResetStatement {
  std::string name;
};
/// DEALLOCATE, DISCARD, CLOSE, UNLISTEN: what they leave behind is a tag.
struct ForgetStatement {
  enum class What { prepared, all_prepared, everything, nothing } what;
  std::string name, tag;
};
/// EXECUTE peer $$statement$$: the peer's own words, for reading.
struct ExecuteOnPeer {
  std::string peer, text;
};
/// SHOW PEERS, SHOW MIRRORS: a query of the view of that name.
struct ShowView {
  std::string_view query;
};
/// SELECT, WITH, VALUES, TABLE: its tokens are looked at again by whoever answers it.
struct QueryStatement {};

using Statement = std::variant<CreatePeer, AlterPeer, DropPeer, CreateMirror, ExplainMirror, AlterMirror, ChangeMirror,
                               ResyncMirror, CreateAlert, AlterAlert, DropAlert, TestAlert, ExecuteOnPeer, ShowView, TransactionStatement, SetStatement, ShowStatement, ResetStatement,
                               ForgetStatement, QueryStatement>;

}  // namespace peerd::sql
