import { html, useEffect, useRef, useState } from "../html.js";
import uPlot from "../lib/uplot.js";

const kHeight = 132;
const kDashes = [[], [7, 3], [2, 3]];   // Colours are not all that tells series apart.
const kDay = 86_400;

const clock = (options) => new Intl.DateTimeFormat("en-GB", options);
const kDays = clock({ day: "numeric", month: "short" });
const kMinutes = clock({ hour: "2-digit", minute: "2-digit" });
const kSeconds = clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const kWhole = clock({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

// Steps of the axis that are round in their unit.
const decimal = [];
for (let power = -3; power < 16; ++power) decimal.push(...[1, 2, 5].map((digit) => digit * 10 ** power));
const binary = [];
for (let power = 0; power < 60; ++power) binary.push(2 ** power);
const kSteps = {
  number: decimal,
  bytes: binary,
  seconds: [...decimal.filter((step) => step < 20), 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, kDay, 2 * kDay, 7 * kDay],
};

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function xLabels(_, splits, __, ___, step) {
  const format = step >= kDay ? kDays : step >= 60 ? kMinutes : kSeconds;
  return splits.map((at) => format.format(at * 1000));
}

// A line has two ends: the first figure of all is drawn as a point.
const isAlone = (plot, index) => plot.data[index].filter((value) => value !== null && value !== undefined).length === 1;

function options(series, unit, format, width, onCursor) {
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: token("--quiet"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false }, font };
  return {
    width, height: kHeight, padding: [10, 10, 0, 0], legend: { show: false },
    cursor: { y: false, sync: { key: "mirror" }, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
    axes: [{ ...axis, values: xLabels, size: 24, space: 64 },
           { ...axis, values: (_, splits) => splits.map((value) => format(value).replace(/\.0(?= )/, "")), incrs: kSteps[unit], size: 68, space: 28 }],
    series: [{}, ...series.map(({ label }, index) => ({
      label, stroke: token(`--series-${index + 1}`), width: 1.5, dash: kDashes[index], points: { show: isAlone, size: 5 },
    }))],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx)] },
  };
}

const last = (values) => values.findLast((value) => value !== null);
const most = (values) => values.reduce((top, value) => value === null ? top : Math.max(top, value), 0);

// Ink and paper follow the system while the page is open.
function useScheme() {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return dark;
}

function moveCursor(plot, key) {
  const length = plot.data[0].length;
  const from = plot.cursor.idx ?? length;
  const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: length - 1 }[key];
  if (to === undefined) return false;
  const index = Math.max(0, Math.min(length - 1, to));
  plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: 1 });
  return true;
}

// A chart over time: `at` in Unix seconds, each series {label, values}, null where nothing is known. Pointer or arrow
// keys read values off; all charts of a page move together.
export function Chart({ title, at, from, to, series, unit = "number", format }) {
  const place = useRef();
  const plot = useRef();
  const [index, setIndex] = useState(null);
  const dark = useScheme();
  const names = series.map(({ label }) => label).join();
  const data = [at, ...series.map(({ values }) => values)];
  useEffect(() => {
    const made = new uPlot(options(series, unit, format, place.current.clientWidth || 300, (found) => setIndex(found ?? null)), data, place.current);
    plot.current = made;
    made.setScale("x", { min: from, max: to });
    const sizes = new ResizeObserver(() => place.current && made.setSize({ width: place.current.clientWidth, height: kHeight }));
    sizes.observe(place.current);
    return () => (sizes.disconnect(), made.destroy());
  }, [names, dark]);
  useEffect(() => {
    plot.current.setData(data, false);
    plot.current.setScale("x", { min: from, max: to });
  }, [at]);
  const shown = (values) => index === null ? last(values) : values[index];
  const summary = series.map(({ label, values }) => `${label || title} now ${format(last(values))}, most ${format(most(values))}`).join("; ");
  return html`<figure class="chart">
    <figcaption><b>${title}</b><span class="quiet">${index !== null && at[index] && kWhole.format(at[index] * 1000)}</span>
      <span class="legend">${series.map(({ label, values }, number) => html`<span>${label && html`<svg
          class=${"key series-" + (number + 1)} viewBox="0 0 18 4" width="18" height="4" aria-hidden="true"><path d="M0 2H18"
          stroke-width="2" stroke-dasharray=${kDashes[number].join(" ")} /></svg>`}${label} <b>${format(shown(values))}</b>
          </span>`)}</span></figcaption>
    <div ref=${place} role="img" tabindex="0" aria-label=${`${title}: ${summary}. Arrow keys read values off.`}
        onKeyDown=${(event) => moveCursor(plot.current, event.key) && event.preventDefault()}
        onBlur=${() => plot.current.setCursor({ left: -10, top: -10 })}></div>
  </figure>`;
}
