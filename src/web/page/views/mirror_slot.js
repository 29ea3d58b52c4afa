import { html } from "../html.js";
import { get, path } from "../api.js";
import { bytes, count, plural } from "../format.js";
import { usePoll } from "../poll.js";
import { ApiErrorBox } from "../components/errorbox.js";

const kMebi = 1024 * 1024;
const given = (value) => value !== null && value !== undefined && value !== "";

const kFacts = [
  ["WAL status", (slot) => slot.walStatus],
  ["WAL kept", (slot) => given(slot.lagInMb) && bytes(slot.lagInMb * kMebi)],
  ["may still grow by", (slot) => given(slot.safeWalSize) && bytes(Number(slot.safeWalSize))],
  ["restart LSN", (slot) => slot.restartLSN],
  ["confirmed LSN", (slot) => slot.confirmedFlushLSN],
  ["sent LSN", (slot) => slot.sentLSN],
  ["server's LSN", (slot) => slot.currentLSN],
  ["waits for", (slot) => given(slot.waitEvent) && [slot.waitEventType, slot.waitEvent].filter(given).join(": ")],
  ["backend", (slot) => slot.backendState],
  ["spilled", (slot) => given(slot.spillBytes) && `${bytes(Number(slot.spillBytes))} of ${count(Number(slot.spillTxns))} transactions`],
  ["logical_decoding_work_mem", (slot) => given(slot.logicalDecodingWorkMemMb) && bytes(Number(slot.logicalDecodingWorkMemMb) * kMebi)],
];

function Slot({ slot, own }) {
  return html`<article class="card" data-test="slot">
    <h3>${slot.slotName} <span class="quiet">${slot.active ? "active" : "not active"}${slot.mirror && !own && `, of mirror ${slot.mirror}`}</span></h3>
    <dl class="pairs">${kFacts.map(([title, fact]) => [title, fact(slot)]).filter(([, value]) => given(value) && value !== false).map(([title, value]) => html`<div key=${title}><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>
  </article>`;
}

// The mirror's positions and its slot; and the others of its source, which keep WAL too.
export function SlotDetails({ mirror }) {
  const { value, error } = usePoll((signal) => get(path("peers", "slots", mirror.source), {}, signal), 10_000, mirror.source);
  const slots = value?.slotData ?? [];
  const own = slots.filter((slot) => slot.mirror === mirror.name);
  const others = slots.filter((slot) => slot.mirror !== mirror.name);
  const positions = [["received", mirror.received_lsn], ["applied", mirror.applied_lsn], ["confirmed", mirror.confirmed_lsn]];
  return html`
    <${ApiErrorBox} error=${error} title="The slots could not be read" />
    ${!value && !error && html`<p class="quiet" aria-busy="true">Asking ${mirror.source} for its slots…</p>`}
    ${value && own.length === 0 && html`<p class="empty">The mirror has no slot at ${mirror.source}.</p>`}
    ${own.map((slot) => html`<${Slot} key=${slot.slotName} slot=${slot} own />`)}
    <article class="card"><h3>Positions of the mirror</h3>
      <dl class="pairs">${positions.map(([title, lsn]) => html`<div key=${title}><dt>${title}</dt><dd>${lsn ?? "none yet"}</dd>
          </div>`)}</dl></article>
    ${others.length > 0 && html`<details><summary>${plural(others.length, "other slot")} in that database</summary>
      <p class="quiet">A slot that is not active keeps WAL until it is read again or dropped.</p>
      ${others.map((slot) => html`<${Slot} key=${slot.slotName} slot=${slot} />`)}</details>`}`;
}
