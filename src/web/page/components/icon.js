import { html } from "../html.js";

// Shapes differ, not colours alone: each word of health has one of its own.
const kPaths = {
  ok: html`<circle cx="8" cy="8" r="5" fill="currentColor" />`,
  idle: html`<circle cx="8" cy="8" r="4.25" fill="none" stroke="currentColor" stroke-width="1.5" />`,
  copying: html`<circle cx="8" cy="8" r="4.75" fill="none" stroke="currentColor" stroke-width="1.5" /><path d="M8 3.2a4.8 4.8 0 0 1 0 9.6z" fill="currentColor" />`,
  behind: html`<path d="M8 2.5 14.3 13.5H1.7z" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" /><path d="M8 6.4v3.4M8 11v1" stroke="currentColor" stroke-width="1.5" />`,
  retrying: html`<path d="M13 8a5 5 0 1 1-1.6-3.7M13.2 2v3.2H10" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" />`,
  failed: html`<path d="M5.2 1.8h5.6l3.4 3.4v5.6l-3.4 3.4H5.2l-3.4-3.4V5.2z" fill="currentColor" /><path class="icon-cut" d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" stroke-width="1.6" />`,
  paused: html`<path d="M5 3.5v9M11 3.5v9" stroke="currentColor" stroke-width="2.4" />`,
  play: html`<path d="M4.5 2.8 13 8l-8.5 5.2z" fill="currentColor" />`,
  trash: html`<path d="M3 4.5h10M6.2 4V2.5h3.6V4M4.4 4.8l.6 8.7h6l.6-8.7" fill="none" stroke="currentColor" stroke-width="1.4" />`,
  copy: html`<path d="M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z" fill="none" stroke="currentColor" stroke-width="1.4" />`,
  check: html`<path d="m2.8 8.6 3.4 3.4 7-7.6" fill="none" stroke="currentColor" stroke-width="1.8" />`,
  cross: html`<path d="m3.5 3.5 9 9m0-9-9 9" stroke="currentColor" stroke-width="1.8" />`,
  plus: html`<path d="M8 2.8v10.4M2.8 8h10.4" stroke="currentColor" stroke-width="1.8" />`,
  key: html`<path d="M8.2 7.8 14 2m-2.6 2.6 1.9 1.9M6 13a3 3 0 1 1 0-6 3 3 0 0 1 0 6z" fill="none" stroke="currentColor" stroke-width="1.4" />`,
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${kPaths[name]}</svg>`;
