import { html } from "../html.js";
import { Icon } from "./icon.js";

// What the page calls a mirror's condition: its health, and for a stopped one whether somebody or something stopped it.
export function condition(mirror) {
  if (mirror.state === "FAILED") return "failed";
  if (mirror.health !== "stopped") return mirror.health;
  return mirror.state === "PAUSED" ? "paused" : mirror.state.toLowerCase();
}

// Worst first. What is not listed comes last.
export const kConditions = ["failed", "retrying", "parked", "behind", "copying", "paused", "ok", "idle"];
const kTones = { failed: "bad", retrying: "bad", parked: "bad", behind: "warn", copying: "info", ok: "good" };
const kIcons = { parked: "paused", terminated: "paused", completed: "check" };

export function rank(word) {
  const found = kConditions.indexOf(word);
  return found < 0 ? kConditions.length : found;
}

export const needsHelp = (mirror) => ["failed", "retrying", "parked"].includes(condition(mirror));

// The last error stays after recovery; this tells whether it is still what keeps the mirror from going on.
export const errorHolds = (mirror) => Boolean(mirror.last_error) && needsHelp(mirror);

export const iconOf = (word) => kIcons[word] ?? word;
export const toneOf = (word) => kTones[word] ?? "quiet";

export function Badge({ word }) {
  return html`<span class=${"badge tone-" + toneOf(word)} data-test="condition"><${Icon} name=${iconOf(word)} />${word}</span>`;
}
