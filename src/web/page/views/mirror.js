import { html, useEffect, useState } from "../html.js";
import { rows } from "../api.js";
import { ago, bytes, count, duration, percent, rate, time } from "../format.js";
import { rowsPerSecond, useClock, useLive } from "../live.js";
import { usePoll } from "../poll.js";
import { href, note } from "../router.js";
import { MirrorActions } from "../components/actions.js";
import { NextTry } from "../components/attention.js";
import { ErrorBox } from "../components/errorbox.js";
import { Badge, condition, errorHolds } from "../components/health.js";
import { Title } from "../components/shell.js";
import { Batches } from "./mirror_batches.js";
import { Charts, kRanges } from "./mirror_charts.js";
import { copies, Copy, useCopyRates } from "./mirror_copy.js";
import { Definition } from "./mirror_definition.js";
import { Log } from "./mirror_log.js";
import { OneTable } from "./mirror_one_table.js";
import { SlotDetails } from "./mirror_slot.js";
import { Tables } from "./mirror_tables.js";

const kTabs = [["tables", "Tables"], ["log", "Log"], ["batches", "Batches"], ["configuration", "Configuration"], ["slot", "Slot"]];
const kGrace = 4000;        // A mirror that was just created comes with the next event.

function Figures({ mirror, now }) {
  const figure = (title, value, more) => html`<div><dt>${title}</dt><dd>${value}${more && html` <small>${more}</small>`}</dd></div>`;
  return html`<dl class="figures">
    ${figure("Lag", duration(mirror.lag_seconds), mirror.lag_bytes > 0 && bytes(mirror.lag_bytes))}
    ${figure("Rows", rate(rowsPerSecond(mirror.name, now)))}
    ${figure("WAL kept at source", bytes(mirror.wal_kept_bytes))}
    ${figure("Rows copied", count(mirror.rows_copied), mirror.chunks_total > 0 && mirror.chunks_done < mirror.chunks_total && percent(mirror.chunks_done / mirror.chunks_total))}
    ${figure("Changes since start", count(mirror.rows_streamed))}
    ${figure("Consistent", mirror.consistent ? "yes" : "not yet", mirror.consistent ? "" : "rows may be newer than others")}
  </dl>`;
}

function LastError({ mirror }) {
  useClock(10_000);
  if (!mirror.last_error) return null;
  if (errorHolds(mirror)) {
    return html`<${ErrorBox} quiet title=${mirror.state === "FAILED" ? "The mirror has stopped" : "The mirror cannot go on, and tries again"} tone=${mirror.state === "FAILED" ? "bad" : "warn"} message=${mirror.last_error} hint=${mirror.last_error_hint}>
      <p class="facts"><span>${time(mirror.last_error_at)}, ${ago(mirror.last_error_at)}</span><${NextTry} mirror=${mirror} /></p><//>`;
  }
  return html`<details class="past"><summary>Last error, over since: ${ago(mirror.last_error_at)}</summary>
    <${ErrorBox} quiet tone="quiet" title=${time(mirror.last_error_at)} message=${mirror.last_error} hint=${mirror.last_error_hint} /></details>`;
}

function Missing({ name, seen }) {
  const [waited, setWaited] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setWaited(true), kGrace);
    return () => clearTimeout(timer);
  }, []);
  if (!seen && !waited) return html`<${Title} text=${name} /><p class="quiet" aria-busy="true">Asking for the mirror…</p>`;
  return html`<${Title} text=${name} /><section class="empty"><h2>
      ${seen ? "The mirror was dropped" : "There is no mirror of this name"}</h2><p><a href="#/">All mirrors</a></p></section>`;
}

export function Mirror({ name, tab: asked, table, query }) {
  const { mirrors } = useLive();
  const now = useClock();
  const [seen, setSeen] = useState(false);
  const mirror = mirrors.get(name);
  const tab = kTabs.some(([key]) => key === asked) ? asked : "tables";
  const range = kRanges[query.range] ? query.range : "1h";
  const [chosen, choose] = useState({ range, level: query.level ?? "", find: query.find ?? "" });
  const copying = Boolean(mirror) && copies(mirror);
  const tables = usePoll((signal) => rows("mirror_tables", { mirror: name, limit: 10_000 }, signal), copying ? 2000 : 5000, name);
  const rates = useCopyRates(tables.value);
  const one = table && tables.value?.find(({ source }) => source === table);
  const word = mirror && condition(mirror);
  useEffect(() => void (document.title = `${name}${word ? " – " + word : ""} – peerd`), [name, word]);
  useEffect(() => void (mirror && setSeen(true)), [Boolean(mirror)]);
  useEffect(() => note(["mirrors", name, asked, table].filter(Boolean), { ...chosen, range: chosen.range === "1h" ? "" : chosen.range }), [chosen, asked, table]);
  if (!mirror) return html`<${Missing} name=${name} seen=${seen} />`;
  return html`
    <${Title} text=${name}><${Badge} word=${word} /><span class="quiet">${mirror.source} → ${mirror.target}</span><span class="grow"></span>
      <${MirrorActions} mirror=${mirror} /><//>
    <p class="step" data-test="step"><b>${mirror.step}</b> <span class="quiet">state ${mirror.state}, created ${time(mirror.created_at)}</span></p>
    <${LastError} mirror=${mirror} />
    <${Figures} mirror=${mirror} now=${now} />
    <${Copy} mirror=${mirror} tables=${tables.value} rates=${rates} />
    <${Charts} name=${name} since=${Date.parse(mirror.created_at) || 0} range=${chosen.range} onRange=${(next) => choose({ ...chosen, range: next })} />
    <nav class="tabs" aria-label="Details of the mirror">${kTabs.map(([key, title]) => html`<a key=${key}
        href=${href(["mirrors", name, key])} aria-current=${key === tab ? "page" : undefined}>${title}</a>`)}</nav>
    ${tab === "tables" && !one && html`<${Tables} mirror=${name} tables=${tables.value} error=${tables.error} />`}
    ${tab === "tables" && one && html`<${OneTable} mirror=${mirror} table=${one} />`}
    ${tab === "log" && html`<${Log} name=${name} level=${chosen.level} text=${chosen.find}
        onFilter=${(filter) => choose({ ...chosen, ...filter })} />`}
    ${tab === "batches" && html`<${Batches} name=${name} />`}
    ${tab === "configuration" && html`<${Definition} name=${name} />`}
    ${tab === "slot" && html`<${SlotDetails} mirror=${mirror} />`}`;
}
