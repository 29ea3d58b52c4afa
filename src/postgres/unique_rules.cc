#include "peerd/postgres/unique_rules.h"

namespace peerd::postgres {
namespace {

// One row per part. indnullsnotdistinct is there since Postgres 15; read by name, its absence is no error.
constexpr std::string_view kParts = R"(
SELECT i.indexrelid, quote_ident(x.relname),
  CASE WHEN c.oid IS NULL THEN format('DROP INDEX %I.%I', xn.nspname, x.relname)
       ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', rn.nspname, r.relname, c.conname) END,
  CASE WHEN c.contype = 'x' THEN 'exclusion constraint ' WHEN c.oid IS NOT NULL THEN 'unique constraint '
       ELSE 'unique index ' END,
  coalesce('"' || replace(a.attname, '"', '""') || '"', pg_get_indexdef(i.indexrelid, k.n, false)),
  'OPERATOR(' || quote_ident(o_n.nspname) || '.' || o.oprname || ')',
  coalesce('COLLATE ' || quote_ident(l_n.nspname) || '.' || quote_ident(l.collname), ''),
  EXISTS (SELECT FROM pg_opclass d JOIN pg_amop e ON e.amopfamily = d.opcfamily AND e.amopstrategy = 3
          WHERE d.opcmethod = 403 AND d.opcdefault AND d.opcintype = oc.opcintype AND e.amopopr = o.oid),
  coalesce((to_jsonb(l) ->> 'collisdeterministic')::boolean, true),
  NOT coalesce(a.attnotnull, false),
  a.attidentity <> '' OR (NOT a.atthasdef AND NOT v.nulls_clash)
    OR coalesce(pg_get_expr(f.adbin, f.adrelid) ~ '^(nextval\(|(.*\.)?(gen_random_uuid|uuid_generate_v[14]|uuidv[47])\(\))',
                false),
  coalesce(pg_get_expr(i.indpred, i.indrelid), ''), v.nulls_clash, NOT i.indimmediate
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace xn ON xn.oid = x.relnamespace
JOIN pg_class r ON r.oid = i.indrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u', 'x')
CROSS JOIN LATERAL (SELECT coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)) v (nulls_clash)
CROSS JOIN LATERAL generate_series(1, i.indnkeyatts::int) k (n)
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n - 1] AND a.attnum <> 0
LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
JOIN pg_opclass oc ON oc.oid = i.indclass[k.n - 1]
LEFT JOIN pg_amop eq ON eq.amopfamily = oc.opcfamily AND oc.opcmethod = 403 AND eq.amopstrategy = 3
  AND eq.amoplefttype = oc.opcintype AND eq.amoprighttype = oc.opcintype
JOIN pg_operator o ON o.oid = coalesce(c.conexclop[k.n], eq.amopopr) JOIN pg_namespace o_n ON o_n.oid = o.oprnamespace
LEFT JOIN pg_collation l ON l.oid = i.indcollation[k.n - 1] LEFT JOIN pg_namespace l_n ON l_n.oid = l.collnamespace
WHERE (i.indisunique OR i.indisexclusion) AND i.indislive AND )";

constexpr std::string_view kAtSource = "i.indisvalid AND i.indrelid = $1::oid ORDER BY i.indexrelid, k.n";
// An index of the partitioned table itself stands for its parts on the partitions.
constexpr std::string_view kAtTarget =
    "i.indisready AND (i.indrelid = $1::oid OR i.indrelid IN (SELECT relid FROM pg_partition_tree($1::oid))"
    " AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)) ORDER BY i.indexrelid, k.n";

// Expressions and conditions tell which columns they read through pg_depend.
constexpr std::string_view kColumns =
    "SELECT DISTINCT i.indexrelid, a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0"
    " WHERE i.indexrelid = ANY ($1::oid[]) AND (a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) OR EXISTS"
    "   (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid"
    "      AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))";

void read_columns(Connection& connection, std::vector<UniqueRule>& rules, const Wait& wait) {
  std::string oids = "{";
  for (const UniqueRule& rule : rules) oids += (oids.size() > 1 ? "," : "") + std::to_string(rule.oid);
  const std::vector<std::optional<std::string>> parameters{oids + "}"};
  const Result found = connection.run_planned(kColumns, parameters, wait);
  for (int row = 0; row < found.rows(); ++row) {
    for (UniqueRule& rule : rules) {
      if (rule.oid == static_cast<std::uint32_t>(found.integer(row, 0))) rule.columns.push_back(found.string(row, 1));
    }
  }
}

}  // namespace

std::vector<UniqueRule> read_unique_rules(Connection& connection, std::uint32_t table, RulesOf side, const Wait& wait) {
  const std::vector<std::optional<std::string>> parameters{std::to_string(table)};
  const Result found =
      connection.run_planned(std::string(kParts) + std::string(side == RulesOf::source ? kAtSource : kAtTarget), parameters, wait);
  std::vector<UniqueRule> rules;
  for (int row = 0; row < found.rows(); ++row) {
    const auto oid = static_cast<std::uint32_t>(found.integer(row, 0));
    if (rules.empty() || rules.back().oid != oid) {
      UniqueRule& rule = rules.emplace_back();
      rule.oid = oid;
      rule.name = found.string(row, 3) + found.string(row, 1);
      rule.drop = found.string(row, 2);
      rule.condition = found.string(row, 11);
      rule.nulls_clash = found.boolean(row, 12);
      rule.deferrable = found.boolean(row, 13);
    }
    rules.back().parts.push_back({found.string(row, 4), found.string(row, 5), found.string(row, 6), found.boolean(row, 7),
                                  found.boolean(row, 8), found.boolean(row, 9), found.boolean(row, 10)});
  }
  if (!rules.empty()) read_columns(connection, rules, wait);
  return rules;
}

}  // namespace peerd::postgres
