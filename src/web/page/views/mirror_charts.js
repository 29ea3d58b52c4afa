import { html } from "../html.js";
import { get, path } from "../api.js";
import { bytes, duration, rate } from "../format.js";
import { usePoll } from "../poll.js";
import { Chart } from "../components/chart.js";
import { ApiErrorBox } from "../components/errorbox.js";

export const kRanges = { "15m": [900, "15 min"], "1h": [3600, "1 h"], "6h": [21_600, "6 h"], "24h": [86_400, "24 h"], "7d": [604_800, "7 d"], "30d": [2_592_000, "30 d"] };
const kPoints = 360;
const kStep = 10_000;
const kLeast = 120;         // Seconds that are shown at least.

// From the mirror's creation at the earliest: what was before would squeeze a young one's figures to the edge.
export function Charts({ name, since, range, onRange }) {
  const [seconds] = kRanges[range];
  const { value, error } = usePoll(async (signal) => {
    const to = Math.floor(Date.now() / 1000);
    const from = Math.max(to - seconds, Math.min(Math.floor(since / 1000), to - kLeast));
    const history = await get(path("mirrors", name, "history"), { from, to, points: kPoints }, signal);
    return { ...history, from, to };
  }, seconds <= 21_600 ? kStep : 6 * kStep, name + range);
  const chart = (title, unit, format, ...series) => html`<${Chart} key=${title} title=${title} unit=${unit} format=${format} at=${value.at}
      from=${value.from} to=${value.to} series=${series.map(([label, values]) => ({ label, values }))} />`;
  return html`<section aria-labelledby="charts">
    <div class="title"><h2 id="charts">Figures</h2><span class="grow"></span>
      <div class="segments" role="group" aria-label="Time range">${Object.entries(kRanges).map(([key, [, text]]) => html`<button key=${key}
          type="button" aria-pressed=${key === range} onClick=${() => onRange(key)}>${text}</button>`)}</div></div>
    <${ApiErrorBox} error=${error} title="The history could not be read" />
    ${!value && !error && html`<p class="quiet chart-wait" aria-busy="true">Reading the history…</p>`}
    ${value && value.at.length === 0 && html`<p class="empty">No figures in this range: one is noted every 10 s from the mirror's start on.</p>`}
    ${value && value.at.length > 0 && html`<div class="charts" data-test="charts">
      ${chart("Lag", "seconds", duration, ["", value.lag_seconds])}
      ${chart("Rows applied", "number", rate, ["inserts", value.inserts_per_second], ["updates", value.updates_per_second], ["deletes", value.deletes_per_second])}
      ${chart("WAL kept at the source", "bytes", bytes, ["", value.wal_kept_bytes])}
      ${chart("Lag in WAL", "bytes", bytes, ["", value.lag_bytes])}
      ${chart("Volume applied", "bytes", (figure) => figure === null || figure === undefined ? "–" : bytes(figure) + "/s", ["", value.bytes_per_second])}
      ${chart("Time of a batch at the target", "seconds", duration, ["", value.batch_ms.map((ms) => ms === null ? null : ms / 1000)])}
    </div>`}
  </section>`;
}
