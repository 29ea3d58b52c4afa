import { html } from "../html.js";
import { post } from "../api.js";
import { useMayChange } from "../session.js";
import { store, useStore } from "../store.js";
import { ConfirmTyped } from "./dialog.js";
import { condition } from "./health.js";
import { Icon } from "./icon.js";
import { say, sayError } from "./notice.js";

// What has been asked of mirrors and is not yet answered, by name: a row that scrolls away must not forget it.
const asked = store(new Map());

function note(name, what) {
  const next = new Map(asked.get());
  if (what) next.set(name, what);
  else next.delete(name);
  asked.set(next);
}

async function change(name, requested, doing, done) {
  note(name, doing);
  try {
    await post("mirrors/state_change", { flow_job_name: name, requested_flow_state: requested });
    say(done);
  } catch (error) {
    sayError(error, `${doing} ${name}`);
  } finally {
    note(name, "");
  }
}

// The mirror whose drop is asked for. The dialog is no part of a row or a view: those go with the mirror, and what was left
// behind must still be read.
const dropping = store("");

export function DropDialog() {
  const name = useStore(dropping);
  return name && html`<${Drop} key=${name} name=${name} onClose=${() => dropping.set("")} />`;
}

function Drop({ name, onClose }) {
  const act = (force) => post("mirrors/state_change",
    { flow_job_name: name, requested_flow_state: "STATUS_TERMINATING", ...(force && { force: true }) });
  const done = (reply) => {
    const left = reply?.leftBehind ?? [];
    say(`Mirror ${name} is dropped.`);
    if (!left.length) return null;
    return html`<p>The mirror is gone. This had to be left, and is removed by hand:</p><ul class="left">${left.map((thing) => html`<li>
        <code>${thing}</code></li>`)}</ul>`;
  };
  return html`<${ConfirmTyped} title=${"Drop mirror " + name} name=${name} verb="Drop mirror" onClose=${onClose} act=${act} done=${done}
      choice="Drop it even if source or target cannot be reached (FORCE): what cannot be removed is then listed.">
    <p>Changes are no longer followed. Its slot and publication at the source are removed, and peerd's notes of it. Rows at the target stay.</p>
  <//>`;
}

// Pause or resume, and drop. `compact` shows symbols; the names stay for those who do not see them.
export function MirrorActions({ mirror, compact = false }) {
  const mayChange = useMayChange();
  const doing = useStore(asked).get(mirror.name);
  if (!mayChange) return null;
  const { name, state } = mirror;
  const stopped = state === "PAUSED" || state === "FAILED";
  const label = (word) => compact ? html`<span class="unseen">${word} ${name}</span>` : word;
  const kind = compact ? "button icon-only" : "button";
  return html`
    ${stopped
      ? html`<button class=${kind} type="button" title="Resume" disabled=${doing}
          onClick=${() => change(name, "STATUS_RUNNING", "Resuming", `Mirror ${name} is resumed.`)}><${Icon} name="play" />
          ${label(doing ?? "Resume")}</button>`
      : html`<button class=${kind} type="button" title="Pause"
          disabled=${doing || condition(mirror) === "terminated" || state === "TERMINATING"}
          onClick=${() => change(name, "STATUS_PAUSED", "Pausing", `Mirror ${name} is paused.`)}><${Icon} name="paused" />
          ${label(doing ?? "Pause")}</button>`}
    <button class=${kind + " risky"} type="button" title="Drop…" onClick=${() => dropping.set(name)}><${Icon} name="trash" />
        ${label("Drop")}${compact ? "" : "…"}</button>`;
}
