#include "query_check.h"

#include "peerd/base/text.h"
#include "peerd/specs/query_template.h"

namespace peerd {
namespace {

class Check {
 public:
  Check(const MirrorSpec& spec, const Connector* to, Problems& problems) : spec_(spec), to_(to), problems_(problems) {}

  void run() {
    mode();
    query();
    watermark();
    keys();
  }

 private:
  void add(ErrorCode code, const char* field, std::string message, std::string hint) {
    problems_.push_back(problem_of(code, field, std::move(message), std::move(hint)));
  }

  void mode() {
    const std::optional<QueryMode> mode = spec_.query_mode();
    if (!mode) return add(ErrorCode::invalid_option, "mode", "mode has no such value", "use 'append', 'upsert' or 'overwrite'");
    if (to_ == nullptr) return;
    const bool takes = mode == QueryMode::append ? to_->takes_append : mode == QueryMode::upsert ? to_->takes_upsert : to_->takes_overwrite;
    if (!takes)
      add(ErrorCode::not_supported, "mode", std::string(to_->no_query), "mirror the tables: WITH TABLE MAPPING (schema.table:schema.table)");
  }

  void query() {
    try {
      const QueryTemplate parts(spec_.query);
      const bool bound = parts.has_start() && parts.has_end(), marked = !spec_.text("watermark_column").empty();
      if (marked && !bound)
        add(ErrorCode::invalid_option, "query", std::string("the query has no ") + (parts.has_start() ? "{{.end}}" : "{{.start}}") +
                " outside of quotes and comments: each range would return all of its rows",
            "… WHERE " + spec_.text("watermark_column") + " BETWEEN {{.start}} AND {{.end}}");
      if (!marked && (parts.has_start() || parts.has_end()))
        add(ErrorCode::invalid_option, "watermark_column", "the query has placeholders, and no watermark_column tells what stands for them",
            "watermark_column = 'updated_at', watermark_table_name = 'schema.table'");
    } catch (const Error& error) {
      problems_.push_back({error.text, {}});
    }
  }

  void watermark() {
    const std::string column = spec_.text("watermark_column"), table = spec_.text("watermark_table_name");
    if (to_lower(column) == "xmin")
      return add(ErrorCode::not_supported, "watermark_column",
                 "xmin is no watermark: it wraps around, old rows' is frozen away, and an aborted or late transaction hides rows from it",
                 "mirror the table: WITH TABLE MAPPING (schema.table:schema.table)");
    const bool needed = spec_.query_mode() != QueryMode::overwrite;
    if (column.empty() && needed)
      add(ErrorCode::invalid_option, "watermark_column", "watermark_column is missing: nothing else tells which rows are new",
          "name the column that rises with every change, or use mode = 'overwrite'");
    if (table.empty() && (needed || !column.empty()))
      add(ErrorCode::invalid_option, "watermark_table_name", "watermark_table_name is missing", "name the table that has the watermark_column");
  }

  void keys() {
    const std::vector<std::string> keys = spec_.unique_keys();
    const bool upserts = spec_.query_mode() == QueryMode::upsert;
    if (upserts && keys.empty())
      add(ErrorCode::invalid_option, "unique_key_columns", "mode 'upsert' needs unique_key_columns", "unique_key_columns = 'id'");
    if (!upserts && !keys.empty())
      add(ErrorCode::invalid_option, "unique_key_columns", "unique_key_columns is for mode 'upsert': the other modes keep every row",
          "leave it out, or mode = 'upsert'");
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (std::ranges::find(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(i), keys[i]) != keys.begin() + static_cast<std::ptrdiff_t>(i))
        add(ErrorCode::invalid_option, "unique_key_columns", "column \"" + keys[i] + "\" is named twice", "name it once");
  }

  const MirrorSpec& spec_;
  const Connector* to_;
  Problems& problems_;
};

}  // namespace

void declare_query(Declared& declared, const Connector* to) {
  MirrorSpec& spec = declared.spec;
  spec.tables = {{spec.text("watermark_table_name"), spec.text("destination_table_name"), {}}};
  Check(spec, to, declared.problems).run();
}

}  // namespace peerd
