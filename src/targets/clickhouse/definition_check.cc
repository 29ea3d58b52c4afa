#include "clickhouse/definition_check.h"

#include <algorithm>

#include "clickhouse/definition.h"
#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd::clickhouse {
namespace {

class Check {
 public:
  Check(const ExistingTable& existing, const TableLayout& layout, std::string_view name, bool own, Problems& problems)
      : existing_(existing),
        layout_(layout),
        table_(quote_name(name)),
        anew_(own ? "RESYNC TABLE " + layout.table + " OF the mirror" : ""),
        code_(own ? ErrorCode::schema_changed : ErrorCode::target_unfit),
        definition_(read_definition(existing.create_query)),
        problems_(problems) {
    for (const std::uint16_t column : layout.key) key_.insert(layout.names[column]);
  }

  void run() {
    // Rows that are only added have no key that would have to find them again.
    if (!layout_.appends) {
      sorting_key();
      partition();
      expiry();
    }
    columns();
  }

  /// What no row is lost by: an insert, or the deletes of a TRUNCATE, are refused, and say why.
  void additions() {
    for (const std::string& constraint : definition_.constraints)
      alterable("has the constraint " + constraint + ", which tombstones and the source's rows may break",
                "DROP CONSTRAINT " + quote_name(constraint));
    for (const std::string& projection : definition_.projections)
      alterable("has the projection " + projection + ", with which ClickHouse refuses the deletes of a TRUNCATE",
                "DROP PROJECTION " + quote_name(projection));
  }

 private:
  void sorting_key() {
    const std::vector<std::string> names = plain_names(existing_.sorting_key);
    if (names.size() == key_.size() && std::set<std::string>(names.begin(), names.end()) == key_) return;
    std::vector<std::string> wanted;
    for (const std::string& name : key_) wanted.push_back(quote_name(name));
    unalterable("is ordered by (" + existing_.sorting_key + "), and not by the columns of the source's key: rows of " +
                    "different keys would be merged into one, or those of one key not at all",
                "ORDER BY (" + join(wanted, ", ") + "), in any order and without expressions");
  }

  void partition() {
    for (const auto& [name, column] : existing_.columns) {
      if (!column.in_partition || key_.contains(name)) continue;
      unalterable("is partitioned by column " + quote_name(name) + ", which is not in the key: a deleted row's tombstone " +
                      "would lie in another partition, and the row would come back",
                  "PARTITION BY key columns alone");
    }
  }

  void expiry() {
    for (const std::string& column : definition_.expiring_columns)
      alterable("has a TTL on column " + quote_name(column) + ", which would reset its values",
                "MODIFY COLUMN " + quote_name(column) + " REMOVE TTL", Took::rows);
    for (const Definition::Expiry& part : definition_.expiries) {
      if (part.moves) continue;
      const auto outside = std::ranges::find_if(part.names, [&](const std::string& name) {
        return existing_.columns.contains(name) && !key_.contains(name);
      });
      if (!part.groups && outside == part.names.end()) continue;
      alterable(part.groups ? "has a TTL with GROUP BY, which makes other rows of the source's"
                            : "has a TTL on column " + quote_name(*outside) + ", which is not in the key: a deleted row's " +
                                  "tombstone has no value there, would expire first, and the row would come back",
                "REMOVE TTL", Took::rows);
    }
  }

  void columns() {
    for (std::size_t i = 0; i < layout_.names.size(); ++i) {
      const auto found = existing_.columns.find(layout_.names[i]);
      if (found != existing_.columns.end() && found->second.codec.find("SZ3") != std::string::npos)
        alterable("has the codec SZ3 on column " + quote_name(layout_.names[i]) + ", which changes values",
                  "MODIFY COLUMN " + quote_name(layout_.names[i]) + " REMOVE CODEC", Took::rows);
    }
    const auto synced = existing_.columns.find(layout_.synced_column);
    if (synced != existing_.columns.end() && synced->second.default_kind.empty())
      alterable("has no default for column " + quote_name(layout_.synced_column) + ", which peerd leaves to the server",
                "MODIFY COLUMN " + quote_name(layout_.synced_column) + " DEFAULT now64(9)");
  }

  enum class Took : bool { nothing, rows };  ///< What stands may have lost by it.
  void alterable(const std::string& what, const std::string& change, Took took = Took::nothing) {
    const std::string cure = "ALTER TABLE " + table_ + " " + change;
    const std::string more = took == Took::rows && !anew_.empty() ? "; " + anew_ + " brings back what rows may have lost by it" : "";
    problems_.push_back(unfit(code_, layout_.table, "table " + table_ + " " + what, "run at the target: " + cure + more, cure));
  }
  void unalterable(const std::string& what, const std::string& instead) {
    const std::string cure = "DROP TABLE " + table_;
    const std::string first = anew_.empty() ? "run at the target: "
                                            : anew_ + " copies it anew, if peerd has made it; of one of your own drop the mirror, and at the target: ";
    problems_.push_back(unfit(code_, layout_.table, "table " + table_ + " " + what,
                              first + cure + "; then make it with " + instead + ", or leave it to peerd", cure));
  }

  const ExistingTable& existing_;
  const TableLayout& layout_;
  const std::string table_, anew_;  ///< anew_: copies a table of the mirror's again; "" of any other.
  const ErrorCode code_;
  const Definition definition_;
  Problems& problems_;
  std::set<std::string> key_;
};

}  // namespace

bool engine_counts_by(const ExistingTable& existing, const TableLayout& layout) {
  const auto& arguments = read_definition(existing.create_query).engine_arguments;
  return arguments.size() >= 2 && arguments[arguments.size() - 2] == kVersionColumn &&
         arguments.back() == layout.deleted_column;
}

void check_adopted(const ExistingTable& existing, const TableLayout& layout, std::string_view name, Problems& problems) {
  const std::string table = "table " + quote_name(name), drop = "DROP TABLE " + quote_name(name);
  const auto differs = [&](const std::string& what, const std::string& setting) {
    problems.push_back(unfit(ErrorCode::target_unfit, layout.table, table + " is there already, and " + what,
                             "leave " + setting + " out of the mapping, or run at the target: " + drop, drop));
  };
  std::vector<std::string> standing;
  for (const std::string& column : plain_names(existing.sorting_key)) standing.push_back(quote_name(column));
  if (!layout.order.empty() && standing != ordered_names(layout))
    differs("is ordered by (" + existing.sorting_key + "), and not as the mapping asks", "ordering");
  if (!layout.partition_by.empty()) differs("its PARTITION BY stays as it is", "partition_by and partitioning");
}

void check_definition(const ExistingTable& existing, const TableLayout& layout, std::string_view name, bool own,
                      Looked looked, Problems& problems) {
  Check check(existing, layout, name, own, problems);
  check.run();
  if (looked == Looked::at_start) check.additions();
}

}  // namespace peerd::clickhouse
