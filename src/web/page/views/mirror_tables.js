import { html } from "../html.js";
import { count } from "../format.js";
import { href } from "../router.js";
import { ApiErrorBox } from "../components/errorbox.js";
import { Badge } from "../components/health.js";
import { useWindow } from "../components/windowed.js";

const kNumbers = ["Rows copied", "Chunks", "Inserts", "Updates", "Deletes"];

function Row({ mirror, table }) {
  const number = (value) => html`<td class="number">${count(value)}</td>`;
  return html`<tr data-row data-test="table" data-name=${table.source}><th scope="row">
    <a href=${href(["mirrors", mirror, "tables", table.source])}>${table.source}</a>${table.parked_reason && html` <${Badge} word="parked" />`}</th><td>${table.target}</td>
    ${number(table.rows_copied)}<td class="number">${count(table.chunks_done)} / ${count(table.chunks_total)}</td>
        ${number(table.inserts)}${number(table.updates)}${number(table.deletes)}</tr>`;
}

// The tables of a mirror; a mirror may have thousands.
export function Tables({ mirror, tables, error }) {
  const { body, from, to, above, below } = useWindow(tables?.length ?? 0);
  const gap = (key, height) => height > 0 && html`<tr key=${key} aria-hidden="true"><td class="gap" colspan=${kNumbers.length + 2}
      style=${{ height: height + "px" }}></td></tr>`;
  return html`<${ApiErrorBox} error=${error} title="The tables could not be read" />
    ${tables && html`<div class="scroll" role="group" aria-label="Tables" tabindex="0"><table class="dense" aria-rowcount=${tables.length + 1}>
      <caption class="unseen">Tables; changes are counted since peerd started</caption>
      <thead><tr><th scope="col">Source</th><th scope="col">Target</th>${kNumbers.map((title) => html`<th scope="col" class="number">
          ${title}</th>`)}</tr></thead>
      <tbody ref=${body}>${gap("above", above)}${tables.slice(from, to).map((table) => html`<${Row} key=${table.source}
          mirror=${mirror} table=${table} />`)}${gap("below", below)}</tbody></table></div>`}`;
}
