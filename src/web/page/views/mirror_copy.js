import { html, useRef } from "../html.js";
import { count, duration, percent, rate } from "../format.js";

const kWindow = 60_000;     // Over which the rate is averaged: chunks come in lumps.

// Rows per second of each table, by its name, out of what was polled.
export function useCopyRates(tables) {
  const samples = useRef(new Map());
  const rates = new Map();
  const now = Date.now();
  for (const { source, rows_copied: rows } of tables ?? []) {
    const track = samples.current.get(source) ?? [];
    if (track.at(-1)?.[1] !== rows || !track.length) track.push([now, rows]);
    while (track.length > 1 && track[0][0] < now - kWindow) track.shift();
    samples.current.set(source, track);
    const seconds = (now - track[0][0]) / 1000;
    rates.set(source, seconds >= 2 ? (rows - track[0][1]) / seconds : null);
  }
  return rates;
}

// How long the rest will take at this rate; null while that cannot be told.
export function rest(table, perSecond) {
  const { chunks_done: done, chunks_total: total, rows_copied: rows } = table;
  if (total > 0 && done >= total) return 0;
  if (!perSecond || !done || !total) return null;
  return rows / done * (total - done) / perSecond;
}

const sum = (tables, key) => tables.reduce((total, table) => total + (table[key] ?? 0), 0);

function Bar({ table, perSecond }) {
  const { source, chunks_done: done, chunks_total: total, rows_copied: rows } = table;
  const finished = total > 0 && done >= total;
  const left = rest(table, perSecond);
  return html`<tr data-test="copy" data-name=${source}>
    <th scope="row">${source}</th>
    <td class="c-bar"><progress value=${total ? done / total : 0} max="1" aria-label=${"copied of " + source} /></td>
    <td class="number">${total ? percent(done / total) : "waiting"}</td>
    <td class="number">${count(done)} / ${count(total)}</td>
    <td class="number">${count(rows)}</td>
    <td class="number">${!finished && perSecond > 0 && rate(perSecond)}</td>
    <td class="number">${finished ? "done" : left === null ? "" : duration(left)}</td>
  </tr>`;
}

const kShown = 200;

// What is being copied first, then what waits, then what is done.
const turn = ({ chunks_done: done, chunks_total: total }) => total > 0 && done >= total ? 2 : done > 0 ? 0 : 1;

export const copies = (mirror) => mirror.state === "SETUP" || mirror.state === "SNAPSHOT" || mirror.chunks_done < mirror.chunks_total;

// The initial copy while it goes on. Totals grow as tables are planned, so the end is an estimate of what is planned.
export function Copy({ mirror, tables, rates }) {
  if (!copies(mirror) || !tables) return null;
  const all = { chunks_done: sum(tables, "chunks_done"), chunks_total: sum(tables, "chunks_total"), rows_copied: sum(tables, "rows_copied") };
  const perSecond = [...rates.values()].reduce((total, one) => total + (one ?? 0), 0);
  const waiting = tables.filter((table) => !table.chunks_total).length;
  const left = rest(all, perSecond);
  const ordered = [...tables].sort((a, b) => turn(a) - turn(b));
  return html`<section aria-labelledby="copy" data-test="copying">
    <div class="title"><h2 id="copy">Initial copy</h2>
      <span class="quiet">${count(all.rows_copied)} rows, ${count(all.chunks_done)} of ${count(all.chunks_total)} chunks${waiting > 0 && `, ${count(waiting)} tables not planned yet`}${perSecond > 0 && `, ${rate(perSecond)}`}${left > 0 && `, about ${duration(left)} more${waiting > 0 ? " for what is planned" : ""}`}</span></div>
    <progress class="whole" value=${all.chunks_total ? all.chunks_done / all.chunks_total : 0} max="1" aria-label="copied of all tables" />
    <div class="scroll" role="group" aria-labelledby="copy" tabindex="0"><table class="dense">
      <caption class="unseen">Initial copy of each table</caption>
      <thead><tr><th scope="col">Table</th><th scope="col" class="c-bar">Copied</th><th scope="col" class="number">Share</th><th
          scope="col" class="number">Chunks</th><th scope="col" class="number">Rows</th><th scope="col" class="number">Rate</th><th
          scope="col" class="number">Left</th></tr></thead>
      <tbody>${ordered.slice(0, kShown).map((table) => html`<${Bar} key=${table.source} table=${table}
          perSecond=${rates.get(table.source)} />`)}</tbody>
    </table></div>
    ${ordered.length > kShown && html`<p class="quiet">${count(ordered.length - kShown)} more tables follow.</p>`}
  </section>`;
}
