// node-postgres against peerd: a query with parameters, an error, a prepared statement used twice. Prints one JSON line.
const { Client } = require('pg');

async function main() {
  const client = new Client({ connectionString: process.env.PEERD_TEST_URL });
  await client.connect();
  const found = await client.query('SELECT name, rows_copied FROM mirrors WHERE name = $1 AND rows_copied >= $2', [process.argv[2], 1]);
  const error = await client.query('SELECT * FROM mirrors WHERE nothere = $1', ['x']).then(() => null, (e) => e.code);
  const prepared = { name: 'states', text: 'SELECT state FROM mirrors WHERE name = $1' };
  const states = [];
  for (let i = 0; i < 2; i++) states.push((await client.query({ ...prepared, values: [process.argv[2]] })).rows[0].state);
  await client.end();
  console.log(JSON.stringify({ rows: found.rows, error, states }));
}
main().catch((error) => { console.error(error); process.exit(1); });
