import { html } from "../html.js"; export const CreatePeer = () => html`<h1 data-focus tabindex='-1'>CreatePeer</h1>`;
