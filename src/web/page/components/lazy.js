import { html, useEffect, useState } from "../html.js";
import { ErrorBox } from "./errorbox.js";

const kLoaded = new Map();

// A view whose file is fetched when it is first shown: the overview does not wait for charts and forms.
export function Lazy({ view, load, props }) {
  const [error, setError] = useState(null);
  const [, draw] = useState(0);
  const View = kLoaded.get(view);
  useEffect(() => {
    if (View) return;
    load().then((module) => (kLoaded.set(view, module[view]), draw(1)), setError);
  }, []);
  if (View) return html`<${View} ...${props} />`;
  if (!error) return html`<p class="quiet" aria-busy="true">Loading…</p>`;
  return html`<${ErrorBox} title="This part of the page could not be fetched" message=${error.message} hint="load the page again once peerd answers">
    <div class="actions"><button class="button" type="button" onClick=${() => location.reload()}>Load again</button></div><//>`;
}
