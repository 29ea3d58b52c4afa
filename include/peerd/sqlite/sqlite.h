#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace peerd::sqlite {

using Value = std::variant<std::nullptr_t, std::int64_t, std::string>;

/// A prepared statement. Parameters are ?1, ?2, …; one thread at a time, the same as its Database's. Keeps the
/// connection open.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  ~Statement();
  Statement& bind(int index, const Value& value);
  /// True while there is a row; false after the last, and then it is reset. Throws Error: disk_full, too_busy (another
  /// process holds the file's lock), syntax on bad SQL.
  bool step();
  void reset();
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool null(int column) const;

 private:
  friend class Database;
  struct State;
  explicit Statement(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

/// One SQLite connection; one thread at a time.
class Database {
 public:
  /// ":memory:" too. WAL mode, synchronous=FULL, foreign_keys on, busy 5 s for files.
  explicit Database(const std::string& path);
  ~Database();
  void run(std::string_view sql);  ///< Statements without results.
  Statement prepare(std::string_view sql);  ///< Exactly one statement; throws Error(syntax) naming what SQLite says.
  int changes() const;

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
