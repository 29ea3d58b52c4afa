import { html, useState } from "../html.js";
import { ago, duration, plural } from "../format.js";
import { useClock } from "../live.js";
import { href } from "../router.js";
import { MirrorActions } from "./actions.js";
import { ErrorBox } from "./errorbox.js";
import { condition, Badge, needsHelp, rank } from "./health.js";

const kShown = 4;       // Different troubles that are told in full.
const kMost = 50;       // And at most: the table has all of them.
const kNames = 6;       // Mirrors of one trouble that are named.

// One server that is down makes many mirrors fail in the same words: that is one trouble.
export function troubles(mirrors) {
  const groups = new Map();
  for (const mirror of mirrors) {
    if (!needsHelp(mirror)) continue;
    const word = condition(mirror);
    const key = word + "\n" + (mirror.last_error ?? mirror.step);
    const group = groups.get(key) ?? { key, word, message: mirror.last_error ?? mirror.step, hint: mirror.last_error_hint, mirrors: [] };
    group.mirrors.push(mirror);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => rank(a.word) - rank(b.word) || b.mirrors.length - a.mirrors.length);
}

export function NextTry({ mirror }) {
  const now = useClock();
  if (!mirror.next_retry_at) return null;
  const seconds = (Date.parse(mirror.next_retry_at) - now) / 1000;
  return html`<span>${seconds > 0 ? `next try in ${duration(Math.ceil(seconds))}` : "trying again"}</span>`;
}

function Trouble({ group }) {
  const { mirrors, word } = group;
  const [first] = mirrors;
  const one = mirrors.length === 1;
  const title = html`<${Badge} word=${word} /> ${one
    ? html`<a href=${href(["mirrors", first.name])}>${first.name}</a> <span class="quiet">${first.source} → ${first.target}</span>`
    : html`<span>${plural(mirrors.length, "mirror")}:</span> ${mirrors.slice(0, kNames).map((mirror, index) => html`<a
        href=${href(["mirrors", mirror.name])}>${mirror.name}</a>`)}${mirrors.length > kNames && html` and ${mirrors.length - kNames} more`}`}`;
  return html`<${ErrorBox} quiet tone=${word === "failed" ? "bad" : "warn"} title=${title} message=${group.message} hint=${group.hint}>
    <p class="facts"><span>${first.last_error_at && ago(first.last_error_at)}</span> ${one && html`<${NextTry} mirror=${first} />`}</p>
    ${one && html`<div class="actions"><${MirrorActions} mirror=${first} /></div>`}
  <//>`;
}

// What is wrong and what to do about it, above everything else.
export function Attention({ mirrors }) {
  const [all, setAll] = useState(false);
  useClock(10_000);
  const groups = troubles(mirrors);
  if (!groups.length) return null;
  return html`<section class="attention" aria-label="Needs attention" data-test="attention">
    ${groups.slice(0, all ? kMost : kShown).map((group) => html`<${Trouble} key=${group.key} group=${group} />`)}
    ${groups.length > kShown && html`<button class="button" type="button" aria-expanded=${all} onClick=${() => setAll(!all)}>
        ${all ? "Show fewer" : `Show ${Math.min(groups.length, kMost) - kShown} more`}</button>`}
  </section>`;
}
