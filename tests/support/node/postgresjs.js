// postgres.js against peerd: it reads pg_type when it connects; a query with parameters, an array, an error. Prints one JSON line.
const postgres = require('postgres');

async function main() {
  const sql = postgres(process.env.PEERD_TEST_URL, { max: 1, onnotice: () => {} });
  const name = process.argv[2];
  const found = await sql`SELECT name, rows_copied, consistent, created_at > '2020-01-01T00:00:00Z' AS recent FROM mirrors WHERE name = ${name} AND rows_copied >= ${1}`;
  const any = await sql`SELECT name FROM mirrors WHERE name = ANY(${[name, 'other']})`;
  const error = await sql`SELECT * FROM mirrors WHERE nothere = ${'x'}`.then(() => null, (e) => e.code);
  await sql.end();
  console.log(JSON.stringify({ rows: found, any, error }));
}
main().catch((error) => { console.error(error); process.exit(1); });
