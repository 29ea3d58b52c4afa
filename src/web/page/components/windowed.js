import { useEffect, useLayoutEffect, useRef, useState } from "../html.js";

const kAll = 150;   // As many rows are simply drawn: the browser's own search then finds all of them.
const kSpare = 7;

// Which rows of a long table to draw: those near the screen. Rows have one height, measured from the first that is drawn.
// Returns the ref for the tbody, and from, to and the heights of what is left out above and below.
export function useWindow(count) {
  const body = useRef();
  const height = useRef(48);
  const [range, setRange] = useState({ from: 0, to: Math.min(count, 32) });
  const whole = count <= kAll;
  const measure = () => {
    if (!body.current) return;
    const top = body.current.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / height.current) - kSpare);
    const from = Math.min(first - first % 8, Math.max(0, count - 1));
    const to = Math.min(count, from + Math.ceil(innerHeight / height.current) + 2 * kSpare + 8);
    setRange((before) => before.from === from && before.to === to ? before : { from, to });
  };
  useLayoutEffect(() => {
    const row = body.current?.querySelector("tr[data-row]");
    if (row) height.current = row.offsetHeight || height.current;
    if (!whole) measure();
  });
  useEffect(() => {
    if (whole) return undefined;
    let frame = 0;
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(measure);
    };
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, [count, whole]);
  const { from, to } = whole ? { from: 0, to: count } : { from: Math.min(range.from, count), to: Math.min(range.to, count) };
  return { body, from, to, above: from * height.current, below: (count - to) * height.current };
}
