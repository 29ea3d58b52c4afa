import { html, useEffect } from "../html.js";
import { get } from "../api.js";
import { useSession } from "../session.js";
import { usePoll } from "../poll.js";
import { ApiErrorBox, ErrorBox } from "../components/errorbox.js";
import { Title } from "../components/shell.js";

const kRoles = { admin: "admin: may change everything", read: "read: sees everything, changes nothing" };
const kLogins = { none: "no password is set: whoever reaches this port may do everything", cookie: "by this page's form", basic: "by HTTP Basic" };

async function licences(signal) {
  const response = await fetch(new URL("../lib/LICENSES.txt", import.meta.url), { signal });
  if (!response.ok) throw Object.assign(new Error(`HTTP ${response.status}`), { details: [] });
  return response.text();
}

export function About() {
  const { version, role, login } = useSession();
  const views = usePoll((signal) => get("views", {}, signal), 0, "");
  const texts = usePoll(licences, 0, "");
  useEffect(() => void (document.title = "About – peerd"), []);
  return html`<${Title} text="About" />
    <dl class="pairs tall"><div><dt>peerd</dt><dd data-test="version">${version}</dd></div><div><dt>Role</dt><dd>
        ${kRoles[role] ?? role}</dd></div><div><dt>Login</dt><dd>${kLogins[login] ?? login}</dd></div></dl>
    <section aria-labelledby="views"><h2 id="views">Views</h2>
      <p class="quiet">What the SQL port, <a
          href="#/sql">the SQL box</a> and <code>GET /api/v1/views/…</code> read. Everything that this page shows and does goes through the REST API.</p>
      <${ApiErrorBox} error=${views.error} title="The views could not be listed" />
      ${views.value?.views.map((view) => html`<details class="card" key=${view.name}><summary><code>${view.name}</code> <span
          class="quiet">${view.doc}</span></summary>
        <table class="dense"><caption class="unseen">Columns of ${view.name}</caption><thead><tr><th scope="col">Column</th><th
            scope="col">Type</th></tr></thead>
          <tbody>${view.columns.map((column) => html`<tr><th scope="row"><code>${column.name}</code></th><td>${column.type}</td>
              </tr>`)}</tbody></table></details>`)}
    </section>
    <section aria-labelledby="licences"><h2 id="licences">Licences</h2>
      <p class="quiet">Of the libraries that are part of this page.</p>
      ${texts.error && html`<${ErrorBox} title="The licences could not be read" message=${texts.error.message} />`}
      ${texts.value && html`<pre class="licences" tabindex="0" role="group" aria-label="Licences">${texts.value}</pre>`}
    </section>`;
}
