import { html, useEffect, useState } from "../html.js";
import { Icon } from "./icon.js";

// Without HTTPS there is no clipboard API: then the text is selected and the old command copies it.
async function toClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser does not let this page copy");
}

export function CopyButton({ text, what = "" }) {
  const [said, say] = useState("");
  useEffect(() => {
    const timer = said && setTimeout(() => say(""), 3000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () => toClipboard(text).then(() => say("Copied"), () => say("Not copied: select it and press Ctrl+C"));
  return html`<button type="button" class="button small" onClick=${copy}>
    <${Icon} name=${said === "Copied" ? "check" : "copy"} /><span aria-live="polite">${said || "Copy"}</span>
    ${what && html`<span class="unseen"> ${what}</span>`}
  </button>`;
}

export function CopyBlock({ text, label }) {
  return html`<div class="copy-block">
    <pre tabindex="0" role="group" aria-label=${label}><code>${text}</code></pre>
    <${CopyButton} text=${text} what=${label.length < 60 ? label : ""} />
  </div>`;
}
