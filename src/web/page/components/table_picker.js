import { html, useId, useMemo, useState } from "../html.js";
import { get } from "../api.js";
import { bytes, count, plural, short } from "../format.js";
import { qualified, targetName } from "../mapping.js";
import { usePoll } from "../poll.js";
import { ApiErrorBox } from "./errorbox.js";
import { Icon } from "./icon.js";

const kShown = 300;
const kIdentities = { d: "default", n: "nothing", f: "full", i: "index" };

function Key({ table }) {
  if (table.hasPrimaryKey) return html`<span><${Icon} name="key" /> primary key</span>`;
  if (table.canMirror) return html`<span>replica identity only</span>`;
  return html`<span class="badge tone-warn"><${Icon} name="behind" />no key</span>`;
}

// A key column tells rows apart at the target: it always goes along.
function Columns({ peer, schema, table, pick, onPick }) {
  const { value, error } = usePoll((signal) => get("peers/columns", { peer_name: peer, schema_name: schema, table_name: table.tableName }, signal), 0, table.tableName);
  const toggle = (name, on) => onPick({ ...pick, exclude: on ? pick.exclude.filter((one) => one !== name) : [...pick.exclude, name] });
  return html`<${ApiErrorBox} error=${error} title="The columns could not be read" />
    ${!value && !error && html`<p class="quiet" aria-busy="true">Asking for the columns…</p>`}
    ${value && html`<fieldset class="columns-pick"><legend>Columns</legend>${(value.columns ?? []).map((column) => html`<label
        key=${column.name} class="check">
      <input type="checkbox" checked=${!pick.exclude.includes(column.name)} disabled=${column.isKey || column.isReplicaIdentity}
          onChange=${(event) => toggle(column.name, event.target.checked)} />
      <span>${column.name} <span class="quiet">${column.type}${(column.isKey || column.isReplicaIdentity) && ", key"}</span></span>
          </label>`)}</fieldset>`}`;
}

function Details({ peer, schema, table, pick, onPick }) {
  const id = useId();
  return html`<tr class="pick-details"><td colspan="6"><div>
    <label for=${id}>Name at the target</label>
    <input id=${id} value=${pick.target} autocomplete="off" spellcheck=${false}
        onInput=${(event) => onPick({ ...pick, target: event.target.value })} />
    <${Columns} peer=${peer} schema=${schema} table=${table} pick=${pick} onPick=${onPick} />
  </div></td></tr>`;
}

function TableRow({ peer, schema, table, pick, onPick, fresh }) {
  const [open, setOpen] = useState(false);
  const name = table.tableName;
  const told = pick && `${pick.target}${pick.exclude.length ? `, without ${plural(pick.exclude.length, "column")}` : ""}`;
  return html`<tr data-test="pick" data-name=${qualified(schema, name)}>
      <td><input type="checkbox" aria-label=${qualified(schema, name)} checked=${Boolean(pick)}
          onChange=${(event) => onPick(event.target.checked ? fresh : null)} /></td>
      <th scope="row">${name}</th><td class="number">${bytes(Number(table.sizeBytes ?? 0))}</td><td class="number wide-only">
          ${table.rowsEstimate === undefined || table.rowsEstimate === null ? "not analyzed" : short(Number(table.rowsEstimate))}</td>
      <td><${Key} table=${table} />${table.replicaIdentity && table.replicaIdentity !== "d" && html` <span
          class="quiet">identity ${kIdentities[table.replicaIdentity] ?? table.replicaIdentity}</span>`}</td>
      <td>${pick && html`<button class="button small" type="button" aria-expanded=${open} onClick=${() => setOpen(!open)}>${told}<span
          class="unseen">: name and columns of ${name}</span></button>`}</td></tr>
    ${open && pick && html`<${Details} peer=${peer} schema=${schema} table=${table} pick=${pick} onPick=${onPick} />`}`;
}

function Schema({ peer, kind, schema, filter, picks, onPicks }) {
  const { value, error, again } = usePoll((signal) => get("peers/tables", { peer_name: peer, schema_name: schema, cdc_enabled: true }, signal), 0, peer + "." + schema);
  const tables = value?.tables ?? [];
  const shown = tables.filter((table) => !filter || qualified(schema, table.tableName).toLowerCase().includes(filter));
  const fit = shown.filter((table) => table.canMirror);
  const fresh = (table) => ({ target: targetName(kind, schema, table.tableName), exclude: [], bytes: Number(table.sizeBytes) || 0 });
  const put = (list, pickOf) => {
    const next = new Map(picks);
    for (const table of list) {
      const pick = pickOf(table);
      if (pick) next.set(qualified(schema, table.tableName), pick);
      else next.delete(qualified(schema, table.tableName));
    }
    onPicks(next);
  };
  const picked = (table) => picks.get(qualified(schema, table.tableName));
  const all = fit.length > 0 && fit.every(picked);
  if (error) return html`<${ApiErrorBox} error=${error} title="The tables could not be listed"><div class="actions"><button
      class="button small" type="button" onClick=${again}>Try again</button></div><//>`;
  if (!value) return html`<p class="quiet" aria-busy="true">Asking for the tables…</p>`;
  if (!shown.length) return html`<p class="quiet">${tables.length ? "No table is called like that." : "There is no table in this schema."}</p>`;
  return html`<div class="scroll" role="group" aria-label=${"Tables of " + schema} tabindex="0"><table class="dense">
    <caption class="unseen">Tables of ${schema}</caption>
    <thead><tr><th scope="col"><input type="checkbox" aria-label=${`all tables of ${schema} that can be mirrored`} checked=${all}
        onChange=${() => put(fit, all ? () => null : (table) => picked(table) ?? fresh(table))} /></th>
      <th scope="col">Table</th><th scope="col" class="number">Size</th><th scope="col" class="number wide-only">Rows, about</th><th
          scope="col">Key</th><th scope="col">At the target</th></tr></thead>
    <tbody>${shown.slice(0, kShown).map((table) => html`<${TableRow} key=${table.tableName} peer=${peer} schema=${schema} table=${table}
        pick=${picked(table)} fresh=${fresh(table)} onPick=${(pick) => put([table], () => pick)} />`)}</tbody>
  </table></div>${shown.length > kShown && html`<p class="quiet">The first ${kShown} of ${count(shown.length)}: filter to see others.</p>`}`;
}

// Tables of a source, by schema; `picks` is a Map of qualified names to {target, exclude, bytes}.
export function TablePicker({ peer, kind, picks, onPicks }) {
  const { value, error, again } = usePoll((signal) => get("peers/schemas", { peer_name: peer }, signal), 0, peer);
  const [filter, setFilter] = useState("");
  const [turned, setTurned] = useState(new Map());
  const schemas = useMemo(() => [...(value?.schemas ?? [])].sort((a, b) => (b === "public") - (a === "public") || a.localeCompare(b)), [value]);
  const total = [...picks.values()].reduce((sum, pick) => sum + pick.bytes, 0);
  const isOpen = (schema) => turned.get(schema) ?? (schemas.length <= 3 || schema === "public");
  return html`
    <${ApiErrorBox} error=${error} title=${`The schemas of ${peer} could not be listed`}><div class="actions"><button class="button small"
        type="button" onClick=${again}>Try again</button></div><//>
    ${!value && !error && html`<p class="quiet" aria-busy="true">Asking ${peer} for its schemas…</p>`}
    ${value && html`<div class="filters"><label class="unseen" for="find-table">Find tables</label><input id="find-table" type="search"
        placeholder="Schema or table" value=${filter} onInput=${(event) => setFilter(event.target.value)} />
      <span class="middle" role="status"><b>${plural(picks.size, "table")}</b> <span
          class="quiet">chosen${picks.size > 0 && `, ${bytes(total)} to copy`}</span></span></div>`}
    ${schemas.map((schema) => html`<details key=${schema} class="schema" open=${isOpen(schema)}
        onToggle=${(event) => event.target.open !== isOpen(schema) && setTurned(new Map(turned).set(schema, event.target.open))}>
      <summary><b>${schema}</b></summary>
      ${isOpen(schema) && html`<${Schema} peer=${peer} kind=${kind} schema=${schema} filter=${filter.trim().toLowerCase()} picks=${picks}
          onPicks=${onPicks} />`}</details>`)}
    ${value && schemas.length === 0 && html`<p class="empty">The database has no schema that this role may see.</p>`}`;
}
