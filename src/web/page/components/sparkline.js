import { html } from "../html.js";

const kWidth = 96, kHeight = 24;

// The shape of the last ten minutes; its height is relative to `floor` at least, so that milliseconds look like nothing.
export function Sparkline({ points, floor = 5, tone = "quiet" }) {
  const most = Math.max(floor, ...points.filter((point) => point !== null));
  const step = kWidth / Math.max(1, 59);
  const start = 60 - points.length;
  let path = "", pen = false;
  points.forEach((point, index) => {
    if (point === null) return void (pen = false);
    const y = kHeight - 1.5 - (kHeight - 3) * point / most;
    path += `${pen ? "L" : "M"}${((start + index) * step).toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  });
  return html`<svg class=${"spark tone-" + tone} viewBox="0 0 ${kWidth} ${kHeight}" width=${kWidth} height=${kHeight}
      preserveAspectRatio="none" aria-hidden="true" focusable="false">
    <path class="spark-base" d="M0 ${kHeight - 1.5}H${kWidth}" /><path d=${path} />
  </svg>`;
}
