// The rows of a program as a SQLite table (sqlite.org/vtab.html). Exceptions of rows() cross SQLite's C frames as
// Connection::thrown.
#include <new>

#include "handles.h"

namespace peerd::sqlite {

namespace {

struct Module {
  Connection* connection;
  VirtualTable table;
};

struct Table : sqlite3_vtab {
  Module* module = nullptr;
  std::shared_ptr<const Rows> rows;  ///< Of the statement `read_in`: a join scans them many times, all alike.
  std::uint64_t read_in = 0;
};

struct Cursor : sqlite3_vtab_cursor {
  std::shared_ptr<const Rows> rows;
  std::size_t at = 0;
};

int connect(sqlite3* handle, void* client, int, const char* const*, sqlite3_vtab** made, char** message) {
  auto* module = static_cast<Module*>(client);
  std::string sql = "CREATE TABLE t(";
  for (const VirtualColumn& column : module->table.columns) {
    if (sql.back() != '(') sql += ", ";
    sql += quoted(column.name) + " " + column.type;
  }
  module->connection->declaring = true;
  const int result = sqlite3_declare_vtab(handle, (sql + ")").c_str());
  module->connection->declaring = false;
  if (result != SQLITE_OK) {
    *message = sqlite3_mprintf("%s", sqlite3_errmsg(handle));
    return result;
  }
  auto* table = new (std::nothrow) Table();
  if (!table) return SQLITE_NOMEM;
  table->module = module;
  *made = table;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  info->estimatedCost = 1000;
  info->estimatedRows = 1000;
  return SQLITE_OK;
}

int open(sqlite3_vtab*, sqlite3_vtab_cursor** made) {
  *made = new (std::nothrow) Cursor();
  return *made ? SQLITE_OK : SQLITE_NOMEM;
}

int close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* base, int, const char*, int, sqlite3_value**) {
  auto* cursor = static_cast<Cursor*>(base);
  auto* table = static_cast<Table*>(base->pVtab);
  Connection& connection = *table->module->connection;
  try {
    if (!table->rows || table->read_in != connection.statement_count) {
      table->rows = std::make_shared<const Rows>(table->module->table.rows());
      table->read_in = connection.statement_count;
    }
  } catch (...) {
    connection.thrown = std::current_exception();
    return SQLITE_ABORT;
  }
  cursor->rows = table->rows;
  cursor->at = 0;
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* cursor) {
  ++static_cast<Cursor*>(cursor)->at;
  return SQLITE_OK;
}

int eof(sqlite3_vtab_cursor* base) {
  auto* cursor = static_cast<Cursor*>(base);
  return !cursor->rows || cursor->at >= cursor->rows->size();
}

int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int index) {
  auto* cursor = static_cast<Cursor*>(base);
  const std::vector<Value>& row = (*cursor->rows)[cursor->at];
  const auto at = static_cast<std::size_t>(index);
  if (index < 0 || at >= row.size()) return SQLITE_OK;  // NULL.
  const Value& value = row[at];
  if (const auto* integer = std::get_if<std::int64_t>(&value)) sqlite3_result_int64(context, *integer);
  if (const auto* real = std::get_if<double>(&value)) sqlite3_result_double(context, *real);
  if (const auto* text = std::get_if<std::string>(&value))
    sqlite3_result_text64(context, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return SQLITE_OK;
}

int row_id(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(static_cast<Cursor*>(cursor)->at);
  return SQLITE_OK;
}

const sqlite3_module kModule = [] {
  sqlite3_module module{};
  module.xCreate = &connect;
  module.xConnect = &connect;
  module.xBestIndex = &best_index;
  module.xDisconnect = &disconnect;
  module.xDestroy = &disconnect;
  module.xOpen = &open;
  module.xClose = &close;
  module.xFilter = &filter;
  module.xNext = &next;
  module.xEof = &eof;
  module.xColumn = &column;
  module.xRowid = &row_id;
  return module;
}();

}  // namespace

void add_virtual_table(Connection& connection, VirtualTable table) {
  const std::string name = table.name;
  auto* module = new Module{&connection, std::move(table)};
  const auto free_module = [](void* client) { delete static_cast<Module*>(client); };
  connection.check(sqlite3_create_module_v2(connection.handle, name.c_str(), &kModule, module, free_module));
  const std::string sql = "CREATE VIRTUAL TABLE " + quoted(name) + " USING " + quoted(name);
  connection.check(sqlite3_exec(connection.handle, sql.c_str(), nullptr, nullptr, nullptr));
}

}  // namespace peerd::sqlite
