import { html } from "../html.js";
import { get, path, rows } from "../api.js";
import { bytes, count, plural, short } from "../format.js";
import { parts } from "../mapping.js";
import { usePoll } from "../poll.js";
import { href } from "../router.js";
import { ApiErrorBox } from "../components/errorbox.js";

const kShown = 500;

async function columnsOf(peer, name, signal) {
  const [schema, table] = parts(name);
  const { columns } = await get("peers/columns", { peer_name: peer, schema_name: schema, table_name: table }, signal);
  return columns;
}

// Of a target that can be browsed; null at another.
async function columnsThere(peer, name, signal) {
  const { peerType } = await get(path("peers", "type", peer), {}, signal);
  return peerType === "POSTGRES" ? columnsOf(peer, name, signal) : null;
}

// What the mapping leaves out of the table.
async function excluded(mirror, table, signal) {
  const { rest } = await get(path("mirrors", mirror, "definition"), {}, signal);
  const mappings = rest.connection_configs?.table_mappings ?? rest.connectionConfigs?.tableMappings ?? [];
  const mapping = mappings.find((one) => (one.source_table_identifier ?? one.sourceTableIdentifier) === table);
  return mapping?.exclude ?? [];
}

const kIdentities = { d: "the primary key", n: "nothing", f: "the whole row", i: "an index" };

// How large it is at the source, and by what its rows are told apart there.
function Facts({ mirror, table }) {
  const [schema, name] = parts(table.source);
  const { value } = usePoll((signal) => get("peers/tables", { peer_name: mirror.source, schema_name: schema }, signal), 60_000, mirror.source + " " + table.source);
  const found = value?.tables?.find(({ tableName }) => tableName === name);
  if (!found) return null;  // Its columns tell what is wrong.
  const facts = [["Size at the source", bytes(Number(found.sizeBytes))], ["Rows, about", found.rowsEstimate === undefined ? "not analyzed" : short(Number(found.rowsEstimate))],
                 ["Replica identity", kIdentities[found.replicaIdentity] ?? found.replicaIdentity]];
  return html`<dl class="pairs">${facts.map(([title, fact]) => html`<div key=${title}><dt>${title}</dt><dd>${fact}</dd></div>`)}</dl>`;
}

function Columns({ mirror, table }) {
  const about = mirror.name + " " + table.source;
  const source = usePoll((signal) => columnsOf(mirror.source, table.source, signal), 0, about);
  const target = usePoll((signal) => columnsThere(mirror.target, table.target, signal), 0, about);
  const out = usePoll((signal) => excluded(mirror.name, table.source, signal), 0, about);
  const there = new Map((target.value ?? []).map((column) => [column.name, column]));
  const from = source.value ?? [];
  const own = (target.value ?? []).filter((column) => !from.some(({ name }) => name === column.name));
  const atTarget = (column) => out.value?.includes(column.name) ? html`<span class="quiet">left out</span>` : there.get(column.name)?.type ?? "";
  return html`<section aria-labelledby="columns"><h3 id="columns">Columns</h3>
    <${ApiErrorBox} error=${source.error ?? out.error} title="The columns at the source could not be read" />
    ${!source.value && !source.error && html`<p class="quiet" aria-busy="true">Asking ${mirror.source} for the columns…</p>`}
    ${source.value && html`<div class="scroll" role="group" aria-labelledby="columns" tabindex="0"><table class="dense">
      <caption class="unseen">Columns of ${table.source}</caption>
      <thead><tr><th scope="col">Column</th><th scope="col">At ${mirror.source}</th><th scope="col">At ${mirror.target}</th></tr></thead>
      <tbody>${from.map((column) => html`<tr key=${column.name} data-test="column" data-name=${column.name}><th scope="row">${column.name}</th>
        <td>${column.type}${column.isKey && html` <span class="quiet">key</span>`}</td><td>${atTarget(column)}</td></tr>`)}
      ${own.map((column) => html`<tr key=${column.name}><th scope="row">${column.name}</th><td class="quiet">only at the target</td>
        <td>${column.type}</td></tr>`)}</tbody></table></div>`}
    <${ApiErrorBox} error=${target.error} title="The columns at the target could not be read" />
    ${target.value === null && html`<p class="quiet">${mirror.target} is no Postgres: its own types are not browsed. docs/targets tells which type becomes which.</p>`}</section>`;
}

const place = (chunk) => chunk.first_block === null ? "by key" : `${count(chunk.first_block)} to ${chunk.end_block === null ? "the end" : count(chunk.end_block - 1)}`;

function Chunks({ mirror, table }) {
  const { value, error } = usePoll((signal) => rows("mirror_chunks", { mirror: mirror.name, table: table.source, limit: 10_000 }, signal), 5000, mirror.name + " " + table.source);
  const shown = (value ?? []).slice(0, kShown);
  return html`<section aria-labelledby="chunks"><h3 id="chunks">Chunks of the copy</h3>
    <${ApiErrorBox} error=${error} title="The chunks could not be read" />
    ${value?.length === 0 && html`<p class="quiet">The table was not copied in chunks, or is not planned yet.</p>`}
    ${shown.length > 0 && html`<div class="scroll" role="group" aria-labelledby="chunks" tabindex="0"><table class="dense">
      <caption class="unseen">Chunks of ${table.source}</caption>
      <thead><tr><th scope="col">Chunk</th><th scope="col">Pages</th><th scope="col">At the target</th><th scope="col" class="number">Rows</th>
        <th scope="col" class="number">Read</th></tr></thead>
      <tbody>${shown.map((chunk) => html`<tr key=${chunk.number} data-test="chunk"><th scope="row">${count(chunk.number)}</th><td>${place(chunk)}</td>
        <td>${chunk.done ? "done" : "open"}</td><td class="number">${count(chunk.rows)}</td><td class="number">${bytes(chunk.bytes)}</td></tr>`)}</tbody>
      </table></div>${value.length > kShown && html`<p class="quiet">The first ${kShown} of ${plural(value.length, "chunk")}: the view
        <code>mirror_chunks</code> has all.</p>`}`}</section>`;
}

// One table of the mirror: its columns at both ends and the chunks of its copy.
export function OneTable({ mirror, table }) {
  return html`<article data-test="one-table">
    <p><a href=${href(["mirrors", mirror.name, "tables"])}>All tables</a></p>
    <h2>${table.source} <span class="quiet">→ ${table.target}</span></h2>
    <${Facts} mirror=${mirror} table=${table} />
    <${Columns} mirror=${mirror} table=${table} />
    <${Chunks} mirror=${mirror} table=${table} /></article>`;
}
