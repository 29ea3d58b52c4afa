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
    const row = body.current?.querySelector("tr[data-row]");
    if (!row) return;
    height.current = row.offsetHeight || height.current;
    const top = body.current.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / height.current) - kSpare);
    const from = Math.min(first - first % 8, Math.max(0, count - 1));
    const to = Math.min(count, from + Math.ceil(innerHeight / height.current) + 2 * kSpare + 8);
    setRange((before) => before.from === from && before.to === to ? before : { from, to });
  };
  useLayoutEffect(() => {
    if (!whole) measure();
  }, [count, whole]);
  useEffect(() => {
    if (whole) return undefined;
    let frame = 0;
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(measure);
    };
    const sizes = new ResizeObserver(soon);    // What stands above the table grows and shrinks.
    sizes.observe(document.body);
    addEventListener("scroll", soon, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      removeEventListener("scroll", soon);
    };
  }, [count, whole]);
  const { from, to } = whole ? { from: 0, to: count } : { from: Math.min(range.from, count), to: Math.min(range.to, count) };
  return { body, from, to, above: from * height.current, below: (count - to) * height.current };
}
