#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "command.h"
#include "peerd/base/mutex.h"
#include "peerd/net/server.h"
#include "runnable.h"
#include "statement.h"
#include "values.h"
#include "wire.h"

namespace peerd::sql {

/// The stop of the statement that runs now: asked for by CancelRequest, and when the connection goes. Thread-safe.
class StatementStop {
 public:
  explicit StatementStop(std::stop_token gone) : gone_(std::move(gone)), when_gone_(gone_, [this] { cancel(); }) {}
  std::stop_token begin();  ///< Of a new statement.
  void cancel();
  bool gone() const { return gone_.stop_requested(); }

 private:
  const std::stop_token gone_;
  Mutex mutex_;
  std::stop_source current_ PEERD_GUARDED_BY(mutex_);
  std::stop_callback<std::function<void()>> when_gone_;  // The last member: it may fire while it is made.
};

/// A connection behind its log in: the simple and the extended protocol. Messages come one at a time, on whichever
/// thread. handle() answers what goes wrong with ErrorResponse and throws Stopped alone, when the connection is gone.
class Dialogue {
 public:
  Dialogue(SqlDeps& deps, net::Connection& connection, StatementStop& stop, SessionFacts facts, Settings settings);

  enum class Next { go_on, close };
  Next handle(const Frame& frame);
  /// Answers that no thread is free (53300), keeping the protocol's order. Never blocks.
  void reject(const Frame& frame);
  void flush();

 private:
  /// Memory that a statement or portal takes as long as it lives, counted by connection and over all. Throws
  /// StatementError (53200) when it is too much.
  class Kept {
   public:
    Kept(std::size_t& own, std::size_t size);
    ~Kept() { release(); }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

   private:
    void release();
    std::size_t& own_;
    std::size_t size_;
  };
  struct Prepared {
    std::string sql;
    std::vector<Token> tokens;  ///< Of the one statement; empty for an empty query.
    std::optional<Statement> statement;
    std::vector<std::uint32_t> types;
    std::vector<std::unique_ptr<Kept>> kept;
  };
  struct Portal {
    std::shared_ptr<const Prepared> prepared;
    std::unique_ptr<Runnable> runnable;  ///< Null for an empty query.
    std::vector<std::int16_t> formats;
    bool finished = false;
    std::unique_ptr<Kept> kept;
  };
  class Writer;

  Next dispatch(const Frame& frame);
  void simple_query(std::string_view body);
  void run_one(const std::string& sql, std::span<const Token> tokens);
  void parse(FieldReader reader);
  void bind(FieldReader reader);
  void describe(FieldReader reader);
  void execute(FieldReader reader);
  void close(FieldReader reader);
  void sync();
  std::vector<Parameter> read_parameters(FieldReader& reader, const Prepared& prepared);
  std::unique_ptr<Runnable> make_runnable(const std::string& sql, std::span<const Token> tokens,
                                          const Statement& statement, std::span<const Parameter> parameters);
  void set_parameter_types(Prepared& prepared);
  std::shared_ptr<const Prepared> find_prepared(std::string_view name) const;
  void check_transaction(const Statement& statement) const;
  void report_error(std::string_view query);
  void flush_when_large();
  Wait statement_wait();

  SqlDeps& deps_;
  net::Connection& connection_;
  StatementStop& stop_;
  SessionContext context_;
  Output out_;
  std::size_t kept_ = 0;  ///< Before the statements and portals: they count themselves off it.
  std::map<std::string, std::shared_ptr<const Prepared>, std::less<>> prepared_;
  std::map<std::string, Portal, std::less<>> portals_;
  std::string query_;          ///< Of the message in hand, for positions.
  bool skip_to_sync_ = false;  ///< After an error in the extended protocol.
};

}  // namespace peerd::sql
