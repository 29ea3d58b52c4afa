import { html } from "../html.js"; export const CreateMirror = () => html`<h1 data-focus tabindex='-1'>CreateMirror</h1>`;
