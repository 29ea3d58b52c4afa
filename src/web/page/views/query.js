import { html } from "../html.js"; export const Query = () => html`<h1 data-focus tabindex='-1'>Query</h1>`;
