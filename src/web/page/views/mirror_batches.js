import { html } from "../html.js";
import { rows } from "../api.js";
import { bytes, count, duration, time } from "../format.js";
import { usePoll } from "../poll.js";
import { ApiErrorBox } from "../components/errorbox.js";

const kShown = 100;

export function Batches({ name }) {
  const { value, error } = usePoll((signal) => rows("mirror_batches", { mirror: name, limit: kShown }, signal), 5000, name);
  return html`
    <${ApiErrorBox} error=${error} title="The batches could not be read" />
    ${value?.length === 0 && html`<p class="empty">No batch of changes has been applied yet.</p>`}
    ${value?.length > 0 && html`<div class="scroll" role="group" aria-label="Batches" tabindex="0"><table class="dense">
      <caption class="unseen">The last ${kShown} batches, newest first</caption>
      <thead><tr><th scope="col">Durable at</th>
          ${["Inserts", "Updates", "Deletes", "Truncates", "In memory", "Waited", "At the target"].map((title) => html`<th scope="col"
          class="number">${title}</th>`)}<th scope="col">WAL up to</th></tr></thead>
      <tbody>${[...value].reverse().map((batch) => html`<tr key=${batch.id}>
        <td class="c-time">${time(batch.at)}</td>
        ${[batch.inserts, batch.updates, batch.deletes, batch.truncates].map((number) => html`<td class="number">${count(number)}</td>`)}
        <td class="number">${bytes(batch.bytes)}</td><td class="number">${duration(batch.waited_ms / 1000)}</td><td class="number">
            ${duration(batch.applied_ms / 1000)}</td><td><code>${batch.end_lsn}</code></td>
      </tr>`)}</tbody></table></div>`}`;
}
