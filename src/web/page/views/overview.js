import { html, useEffect, useMemo, useState } from "../html.js";
import { bytes, count, duration, plural, rate } from "../format.js";
import { rowsPerSecond, useClock, useLink, useLive } from "../live.js";
import { note } from "../router.js";
import { useMayChange } from "../session.js";
import { Attention } from "../components/attention.js";
import { condition, iconOf, kConditions, needsHelp, toneOf } from "../components/health.js";
import { Icon } from "../components/icon.js";
import { kSortNames, MirrorTable } from "../components/mirror_table.js";
import { PeerTable } from "../components/peer_table.js";
import { Title } from "../components/shell.js";

function tally(list) {
  const words = {};
  for (const mirror of list) words[condition(mirror)] = (words[condition(mirror)] ?? 0) + 1;
  return words;
}

// At one source the slots keep the same WAL: the longest of them counts.
function walKept(list) {
  const bySource = new Map();
  for (const { source, wal_kept_bytes: kept } of list) bySource.set(source, Math.max(bySource.get(source) ?? 0, kept ?? 0));
  return [...bySource.values()].reduce((total, kept) => total + kept, 0);
}

function Totals({ list, now }) {
  const perSecond = list.reduce((total, mirror) => total + (rowsPerSecond(mirror.name, now) ?? 0), 0);
  const worst = list.reduce((most, mirror) => Math.max(most, mirror.lag_seconds ?? 0), 0);
  return html`<dl class="figures">
    <div><dt>Mirrors</dt><dd>${count(list.length)}</dd></div>
    <div><dt>Longest lag</dt><dd>${duration(worst)}</dd></div>
    <div><dt>Rows</dt><dd>${rate(perSecond)}</dd></div>
    <div><dt>WAL kept at sources</dt><dd>${bytes(walKept(list))}</dd></div>
  </dl>`;
}

function Filters({ words, only, text, sort, onOnly, onText, onSort }) {
  const all = Object.values(words).reduce((sum, number) => sum + number, 0);
  const known = [...kConditions, ...Object.keys(words).filter((word) => !kConditions.includes(word))];
  return html`<div class="filters" role="group" aria-label="Filter mirrors">
    <label class="unseen" for="find">Find mirrors</label>
    <input id="find" type="search" placeholder="Name, peer or step" value=${text} onInput=${(event) => onText(event.target.value)} />
    <select class="narrow-only" aria-label="Sort mirrors" value=${sort} onChange=${(event) => onSort(event.target.value)}>
        ${Object.entries(kSortNames).map(([key, name]) => html`<option value=${key}>${name}</option>`)}</select>
    <button class="chip" type="button" aria-pressed=${!only} onClick=${() => onOnly("")}>all ${count(all)}</button>
    ${known.filter((word) => words[word] || word === only).map((word) => html`<button key=${word} class=${"chip tone-" + toneOf(word)}
        type="button" aria-pressed=${only === word} onClick=${() => onOnly(only === word ? "" : word)}><${Icon}
        name=${iconOf(word)} />${word} ${count(words[word] ?? 0)}</button>`)}
  </div>`;
}

function First({ peers }) {
  const mayChange = useMayChange();
  if (!peers) return null;
  if (!mayChange) return html`<section class="empty"><h2>No mirrors yet</h2>
      <p>Whoever logs in with the password of <code>PEERD_PASSWORD</code> can create them.</p></section>`;
  const [done, next] = peers.length >= 2 ? [true, "mirror"] : [false, "peer"];
  return html`<section class="empty" data-test="empty"><h2>${done ? "Create the first mirror" : "Start with two peers"}</h2>
    <ol>
      <li>Create a peer for the Postgres that you mirror from.${peers.length > 0 && html` <b class="tone-good"><${Icon} name="check" />
          ${plural(peers.length, "peer")} so far</b>`}</li>
      <li>Create one for where its rows go: ClickHouse, Kafka or another Postgres.</li>
      <li>Create a mirror between them: its tables are copied, then followed.</li>
    </ol>
    <a class="button primary" href=${"#/new/" + next}><${Icon} name="plus" />New ${next}</a></section>`;
}

export function Overview({ query }) {
  const { mirrors, loaded } = useLive();
  const { state: linkState } = useLink();
  const now = useClock(2000);
  const mayChange = useMayChange();
  const [peers, setPeers] = useState(null);
  const [text, setText] = useState(query.find ?? "");
  const [only, setOnly] = useState(query.health ?? "");
  const [sort, setSort] = useState(kSortNames[query.sort] ? query.sort : "health");
  useEffect(() => note([], { find: text, health: only, sort: sort === "health" ? "" : sort }), [text, only, sort]);

  const all = useMemo(() => [...mirrors.values()], [mirrors]);
  const words = useMemo(() => tally(all), [all]);
  const failing = all.filter(needsHelp).length;
  useEffect(() => void (document.title = (failing ? `(${failing} failing) ` : "") + "peerd"), [failing]);
  const list = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return all.filter((mirror) => (!only || condition(mirror) === only) &&
      (!wanted || [mirror.name, mirror.source, mirror.target, mirror.step].some((part) => part?.toLowerCase().includes(wanted))));
  }, [all, text, only]);

  const busy = !loaded && linkState !== "lost";
  return html`
    <${Title} text="Overview"><span class="grow"></span>
      ${mayChange && all.length > 0 && html`<a class="button wide-only" href="#/new/peer"><${Icon} name="plus" />New peer</a><a
          class="button primary" href="#/new/mirror"><${Icon} name="plus" />New mirror</a>`}<//>
    ${busy && html`<p aria-busy="true" class="quiet">Asking for the mirrors…</p>`}
    <${Attention} mirrors=${all} />
    ${all.length > 0 && html`
      <${Totals} list=${all} now=${now} />
      <${Filters} words=${words} only=${only} text=${text} onOnly=${setOnly} onText=${setText} sort=${sort} onSort=${setSort} />
      <p class="unseen" role="status">${plural(list.length, "mirror")} shown, ${count(failing)} failing</p>
      ${list.length > 0 ? html`<${MirrorTable} list=${list} sort=${sort} onSort=${setSort} now=${now} />`
        : html`<p class="empty">No mirror is like that. <button class="button small" type="button"
            onClick=${() => (setText(""), setOnly(""))}>Show all</button></p>`}`}
    ${loaded && all.length === 0 && html`<${First} peers=${peers} />`}
    <${PeerTable} mirrors=${all} onPeers=${setPeers} />`;
}
