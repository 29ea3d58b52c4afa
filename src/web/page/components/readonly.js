import { html } from "../html.js";
import { Icon } from "./icon.js";

export const ReadOnly = () => html`<p class="box tone-quiet" data-test="read-only"><${Icon}
    name="key" /> You are logged in to look: nothing can be changed here. Log in with the password of <code>PEERD_PASSWORD</code> for that.</p>`;
