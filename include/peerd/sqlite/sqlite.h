#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace peerd::sqlite {

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

/// A prepared statement. Parameters are ?1, ?2, …; one thread at a time, the same as its Database's. Keeps the connection open.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  ~Statement();
  Statement& bind(int index, const Value& value);
  /// True while there is a row; false after the last, and then it is reset. Throws Error: disk_full, too_busy (another process
  /// holds the file's lock), timeout (give_up_when()), syntax on bad SQL, not_supported on what is not allowed, what rows() threw.
  bool step();
  void reset();
  int columns() const;
  std::string column_name(int column) const;
  std::string column_declared_type(int column) const;  ///< "" for expressions.
  Value value(int column) const;
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool null(int column) const;

 private:
  friend class Database;
  struct State;
  explicit Statement(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

/// A table whose rows come from the program, as a SQLite virtual table (sqlite.org/vtab.html), read-only.
struct VirtualColumn {
  std::string name, type;  ///< "TEXT", "INTEGER", "REAL".
};
struct VirtualTable {
  std::string name;
  std::vector<VirtualColumn> columns;
  std::function<std::vector<std::vector<Value>>()> rows;  ///< Called once per statement that reads it.
};

/// One SQLite connection; one thread at a time.
class Database {
 public:
  explicit Database(const std::string& path);  ///< ":memory:" too. WAL mode, synchronous=FULL, foreign_keys on, busy 5 s for files.
  ~Database();
  void run(std::string_view sql);  ///< Statements without results.
  Statement prepare(std::string_view sql);  ///< Exactly one statement; throws Error(syntax) naming what SQLite says.
  std::int64_t last_row_id() const;
  int changes() const;
  void add_table(VirtualTable table);
  void read_only_select_alone();  ///< From now on refuses everything but SELECT (sqlite3_set_authorizer).
  /// Asked every few thousand steps of whatever statement runs: true ends it with Error(timeout). Empty: none is ended.
  void give_up_when(std::function<bool()> over);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// BEGIN IMMEDIATE … COMMIT; rolled back when destroyed before commit().
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace peerd::sqlite
