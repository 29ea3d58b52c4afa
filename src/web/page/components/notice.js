import { html, useEffect } from "../html.js";
import { store, useStore } from "../store.js";
import { ApiErrorBox } from "./errorbox.js";

// What was done is said for a moment; what failed stays until it is read and closed.
const notices = store([]);
let last = 0;

const add = (notice) => notices.set([...notices.get().slice(-4), { id: ++last, ...notice }]);
const close = (id) => notices.set(notices.get().filter((notice) => notice.id !== id));

export const say = (text) => add({ text });
export const sayError = (error, doing) => add({ error, doing });

function Said({ notice }) {
  useEffect(() => {
    const timer = setTimeout(() => close(notice.id), 6000);
    return () => clearTimeout(timer);
  }, [notice.id]);
  return html`<p class="notice">${notice.text}</p>`;
}

export function Notices() {
  const all = useStore(notices);
  return html`<div class="notices">
    <div role="status" aria-live="polite">${all.filter((notice) => notice.text).map((notice) => html`<${Said} key=${notice.id}
        notice=${notice} />`)}</div>
    ${all.filter((notice) => notice.error).map((notice) => html`<${ApiErrorBox} key=${notice.id} error=${notice.error}
        title=${notice.doing + ": this did not work"}>
      <div class="actions"><button class="button small" type="button" onClick=${() => close(notice.id)}>Close</button></div><//>`)}
  </div>`;
}
