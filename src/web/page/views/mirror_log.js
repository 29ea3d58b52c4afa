import { html, useState } from "../html.js";
import { rows } from "../api.js";
import { plural, time } from "../format.js";
import { usePoll } from "../poll.js";
import { ApiErrorBox } from "../components/errorbox.js";
import { Icon } from "../components/icon.js";

const kLevels = { info: 0, warning: 1, error: 2 };
const kShown = 200;

function Line({ line }) {
  const tone = { error: "bad", warning: "warn" }[line.level] ?? "quiet";
  return html`<tr data-test="line" data-level=${line.level}>
    <td class="c-time">${time(line.at)}</td>
    <td><span class=${"badge tone-" + tone}><${Icon} name=${{ error: "failed", warning: "behind" }[line.level] ?? "idle"} />${line.level}</span></td>
    <td><p class="said">${line.message}</p>${line.detail && html`<p class="quiet said">${line.detail}</p>`}${line.hint && html`<p
        class="quiet said">What to do: ${line.hint}</p>`}</td>
  </tr>`;
}

// Newest first: who looks here wants to know what happened last.
export function Log({ name, level, text, onFilter }) {
  const { value, error } = usePoll((signal) => rows("mirror_logs", { mirror: name, limit: 1000 }, signal), 5000, name);
  const [shown, setShown] = useState(kShown);
  const wanted = text.trim().toLowerCase();
  const lines = (value ?? []).filter((line) => (kLevels[line.level] ?? 0) >= (kLevels[level] ?? 0) &&
    (!wanted || [line.message, line.detail, line.hint].some((part) => part?.toLowerCase().includes(wanted)))).reverse();
  return html`
    <div class="filters" role="group" aria-label="Filter the log">
      <label class="unseen" for="log-find">Find in the log</label>
      <input id="log-find" type="search" placeholder="Text" value=${text} onInput=${(event) => onFilter({ level, find: event.target.value })} />
      <label class="unseen" for="log-level">Least level</label>
      <select id="log-level" value=${level} onChange=${(event) => onFilter({ level: event.target.value, find: text })}>
        <option value="">all levels</option><option value="warning">warnings and errors</option><option value="error">errors</option></select>
      <span class="quiet middle" role="status">${plural(lines.length, "line")}</span>
    </div>
    <${ApiErrorBox} error=${error} title="The log could not be read" />
    ${value && lines.length === 0 && html`<p class="empty">${value.length ? "No line is like that." : "Nothing is logged yet."}</p>`}
    ${lines.length > 0 && html`<div class="scroll" role="group" aria-label="Log" tabindex="0"><table class="log">
      <caption class="unseen">Log, newest first</caption>
      <thead><tr><th scope="col">Time</th><th scope="col">Level</th><th scope="col">Message</th></tr></thead>
      <tbody>${lines.slice(0, shown).map((line) => html`<${Line} key=${line.id} line=${line} />`)}</tbody></table></div>
      ${lines.length > shown && html`<div class="actions"><button class="button" type="button"
          onClick=${() => setShown(shown + kShown)}>Show ${lines.length - shown} older</button></div>`}`}`;
}
