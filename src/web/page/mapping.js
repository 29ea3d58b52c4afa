// Names of tables in a mirror's mapping.

// A part that holds a dot or quotes stands in quotes; case is kept without.
const part = (text) => /[."]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;

export const qualified = (schema, table) => `${part(schema)}.${part(table)}`;

// The schema and the name in a qualified one; without a schema it is public's, as peerd reads it.
export function parts(text) {
  const found = [...text.matchAll(/"((?:[^"]|"")*)"|[^.]+/g)].map(([whole, inner]) => inner === undefined ? whole : inner.replaceAll('""', '"'));
  return found.length > 1 ? found : ["public", ...found];
}

// What a table is called at the target, unless somebody says otherwise: Postgres has schemas, and a topic's name may hold
// dots; ClickHouse has neither.
export function targetName(kind, schema, table) {
  if (kind !== "CLICKHOUSE") return kind === "KAFKA" ? `${schema}.${table}` : qualified(schema, table);
  return schema === "public" ? table : `${schema}_${table}`;
}

// The body of POST mirrors/cdc/validate and flows/cdc/create. `picks` is a Map of source names to {target, exclude}.
export function creation({ name, source, target, picks, options }) {
  return { connection_configs: {
    flow_job_name: name, source_name: source, destination_name: target,
    table_mappings: [...picks].map(([table, pick]) => ({
      source_table_identifier: table, destination_table_identifier: pick.target, ...(pick.exclude.length > 0 && { exclude: pick.exclude }),
    })),
    ...options,
  } };
}
