import { html, useMemo, useRef } from "../html.js";
import { bytes, duration, rate } from "../format.js";
import { rowsPerSecond, spark } from "../live.js";
import { href } from "../router.js";
import { useMayChange } from "../session.js";
import { MirrorActions } from "./actions.js";
import { Badge, condition, rank, toneOf } from "./health.js";
import { Sparkline } from "./sparkline.js";
import { useWindow } from "./windowed.js";

const text = new Intl.Collator("en", { numeric: true });
const kSorts = {
  health: (a, b) => rank(condition(a)) - rank(condition(b)),
  name: () => 0,
  lag: (a, b) => (b.lag_seconds ?? -1) - (a.lag_seconds ?? -1),
  rows: (a, b) => (rowsPerSecond(b.name) ?? 0) - (rowsPerSecond(a.name) ?? 0),
  wal: (a, b) => (b.wal_kept_bytes ?? -1) - (a.wal_kept_bytes ?? -1),
};
const kColumns = [["health", "Health"], ["name", "Mirror"], [null, "Step"], ["lag", "Lag"], ["rows", "Rows"], ["wal", "WAL kept"]];

export const kSortNames = { health: "worst first", name: "by name", lag: "by lag", rows: "by rows", wal: "by WAL kept" };

// Sorted anew when something of weight changes, and figures every few seconds; not while the pointer or the focus is in
// the table, where a row must not move away from under it.
function useOrder(list, sort, minute, held) {
  const weights = sort === "health" || sort === "name" ? list.map((mirror) => mirror.name + condition(mirror)).join() : minute;
  const before = useRef({});
  return useMemo(() => {
    const key = sort + list.length;
    if (held.current && before.current.key === key) return before.current.place;
    const sorted = [...list].sort((a, b) => kSorts[sort](a, b) || text.compare(a.name, b.name));
    const place = new Map(sorted.map((mirror, index) => [mirror.name, index]));
    before.current = { key, place };
    return place;
  }, [weights, sort, list.length]);
}

// Drawn anew only when something of it is new: a scrolled table has most of its rows already.
function Row({ mirror, mayChange, index }) {
  const perSecond = rate(rowsPerSecond(mirror.name));
  const points = spark(mirror.name);
  return useMemo(() => drawRow(mirror, mayChange, index, perSecond, points), [mirror, mayChange, index, perSecond, points]);
}

function drawRow(mirror, mayChange, index, perSecond, points) {
  const { name } = mirror;
  const word = condition(mirror);
  const trouble = toneOf(word) === "bad";
  const step = trouble && mirror.last_error ? mirror.last_error : mirror.step;
  const share = mirror.chunks_total > 0 ? mirror.chunks_done / mirror.chunks_total : 0;
  return html`<tr data-row aria-rowindex=${index + 2} data-test="mirror" data-name=${name} data-condition=${word}>
    <td class="c-health"><${Badge} word=${word} /></td>
    <th scope="row" class="c-name"><a href=${href(["mirrors", name])}>${name}</a><span class="under"><span class="narrow-only"><${Badge}
        word=${word} /> </span>${mirror.source} → ${mirror.target}</span><span class="narrow-only under" title=${step}>${step}</span></th>
    <td class="c-step"><span class="clamp" title=${step}>${step}</span>${word === "copying" && html`<progress value=${share} max="1"
        aria-label=${"copied of " + name} />`}</td>
    <td class="c-lag"><${Sparkline} points=${points} tone=${toneOf(word)} /><span class="figure">${duration(mirror.lag_seconds)}</span></td>
    <td class="c-rows figure">${perSecond}</td>
    <td class="c-wal figure">${bytes(mirror.wal_kept_bytes)}</td>
    ${mayChange && html`<td class="c-act"><${MirrorActions} mirror=${mirror} compact /></td>`}
  </tr>`;
}

export function MirrorTable({ list, sort, onSort, now }) {
  const mayChange = useMayChange();
  const held = useRef(false);
  const place = useOrder(list, sort, Math.floor(now / 5000), held);
  const ordered = useMemo(() => [...list].sort((a, b) => (place.get(a.name) ?? 1e9) - (place.get(b.name) ?? 1e9)), [list, place]);
  const { body, from, to, above, below } = useWindow(ordered.length);
  const hold = (value) => () => (held.current = value);
  const width = kColumns.length + (mayChange ? 1 : 0);
  return html`<table class="mirrors" aria-rowcount=${ordered.length + 1} onPointerEnter=${hold(true)} onPointerLeave=${hold(false)}
      onFocusIn=${hold(true)} onFocusOut=${hold(false)}>
    <caption class="unseen">Mirrors</caption>
    <thead><tr>${kColumns.map(([key, title]) => html`<th scope="col" class=${"c-" + (key ?? "step")}
        aria-sort=${key === sort ? (key === "health" || key === "name" ? "ascending" : "descending") : undefined}>
      ${key ? html`<button type="button" class="sort" onClick=${() => onSort(key)}>${title}</button>` : title}</th>`)}
      ${mayChange && html`<th scope="col" class="c-act"><span class="unseen">Actions</span></th>`}</tr></thead>
    <tbody ref=${body}>
      ${above > 0 && html`<tr key="above" aria-hidden="true"><td class="gap" colspan=${width} style=${{ height: above + "px" }}></td></tr>`}
      ${ordered.slice(from, to).map((mirror, index) => html`<${Row} key=${mirror.name} mirror=${mirror} mayChange=${mayChange}
          index=${from + index} />`)}
      ${below > 0 && html`<tr key="below" aria-hidden="true"><td class="gap" colspan=${width} style=${{ height: below + "px" }}></td></tr>`}
    </tbody>
  </table>`;
}
