import { html } from "../html.js"; export const About = () => html`<h1 data-focus tabindex='-1'>About</h1>`;
