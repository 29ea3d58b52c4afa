import { html } from "../html.js"; export const Mirror = () => html`<h1 data-focus tabindex='-1'>Mirror</h1>`;
