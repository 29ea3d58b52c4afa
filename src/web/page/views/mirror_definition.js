import { html, useState } from "../html.js";
import { get, path } from "../api.js";
import { usePoll } from "../poll.js";
import { CopyBlock } from "../components/copy.js";
import { ApiErrorBox } from "../components/errorbox.js";

const kForms = { sql: "SQL", rest: "REST JSON", yaml: "YAML" };

// The mirror as it would be created again. Secrets do not occur in it.
export function Definition({ name }) {
  const { value, error } = usePoll((signal) => get(path("mirrors", name, "definition"), {}, signal), 0, name);
  const [form, setForm] = useState("sql");
  const text = value && (form === "rest" ? JSON.stringify(value.rest, null, 2) : value[form]);
  return html`
    <div class="filters"><div class="segments" role="group" aria-label="Form">${Object.entries(kForms).map(([key, title]) => html`<button
        key=${key} type="button" aria-pressed=${key === form} onClick=${() => setForm(key)}>${title}</button>`)}</div></div>
    <${ApiErrorBox} error=${error} title="The configuration could not be read" />
    ${form === "rest" && value && html`<p class="quiet">The body of <code>POST /api/v1/flows/cdc/create</code>.</p>`}
    ${text && html`<${CopyBlock} text=${text} label=${`Configuration as ${kForms[form]}`} />`}`;
}
