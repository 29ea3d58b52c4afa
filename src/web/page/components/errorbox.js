import { html } from "../html.js";
import { CopyBlock } from "./copy.js";
import { Icon } from "./icon.js";

const kBegins = /\b(?:(?:PAUSE|RESUME|DROP|CREATE) (?:OR REPLACE )?(?:MIRROR|PEER)(?= [^ ])|ALTER [A-Z]+|DROP [A-Z]+|CREATE [A-Z]+|GRANT [A-Z]|REVOKE [A-Z]|SELECT |UPDATE |DELETE FROM|REFRESH |SET )/;

// A hint cut into prose and the statements that it holds: those that end with a semicolon, and lines that begin with one.
// Returns {text} and {statement}, in the order of the hint.
export const cut = (hint) => hint.split("\n").flatMap(cutLine);

function cutLine(hint) {
  const parts = [];
  const prose = (text) => {
    if (parts.at(-1)?.text !== undefined) parts.at(-1).text += text;
    else if (text.trim()) parts.push({ text: text.trimStart() });
  };
  let rest = hint;
  for (let match; (match = kBegins.exec(rest)); ) {
    const begin = rest.slice(match.index);
    const end = begin.search(/;|\n|, then | and then | or (?=[a-z])/);
    const length = end < 0 ? begin.length : end;
    const closed = begin[end] === ";";
    const named = begin.slice(match[0].length, length).trim() !== "" || /SELECT|SET/.test(match[0]);
    const statement = begin.slice(0, length).trim();
    const whole = statement.split("(").length === statement.split(")").length;
    const isStatement = named && whole && (closed || (match.index === 0 && parts.length === 0));
    const taken = isStatement ? length + (closed ? 1 : 0) : match[0].length;
    prose(rest.slice(0, match.index + (isStatement ? 0 : taken)));
    if (isStatement) parts.push({ statement: statement + ";" });
    rest = begin.slice(taken);
  }
  prose(rest);
  return parts;
}

function Hint({ text }) {
  if (!text) return null;
  return html`<div class="hint"><b>What to do</b>
    ${cut(text).map((part) => part.statement ? html`<${CopyBlock} text=${part.statement} label=${part.statement} />` : html`<p>
        ${part.text}</p>`)}</div>`;
}

// An error that somebody should act on: its own words, then its hint, then the statements of it to copy. `quiet` says it
// without a sound, for what stands on the page when it opens.
export function ErrorBox({ title, message, hint, children, tone = "bad", quiet = false }) {
  return html`<section class=${"box tone-" + tone} role=${quiet ? undefined : "alert"} data-test="error">
    <p class="box-title">${typeof title !== "object" && html`<${Icon}
        name=${tone === "bad" ? "failed" : "behind"} />`}${title ?? "This did not work"}</p>
    ${message.split("\n").map((line) => html`<p class="said">${line}</p>`)}
    <${Hint} text=${hint} />
    ${children}
  </section>`;
}

// What the API said, all of it: several problems are a list with the cure of each.
export function ApiErrorBox({ error, title, children }) {
  if (!error) return null;
  const several = error.details?.filter((detail) => detail.message || detail.hint) ?? [];   // The first one's hint is that of all.
  if (several.length < 2) {
    const position = Number(error.details?.[0]?.position);
    return html`<${ErrorBox} title=${title} message=${error.message + (position ? `, at character ${position}` : "")} hint=${error.hint}>
        ${children}<//>`;
  }
  const told = several.every((detail) => detail.message);
  return html`<${ErrorBox} title=${title ?? `${several.length} problems`} message=${told ? "" : error.message}>
    <ol class="problems">${several.map((detail) => html`<li data-test="problem">
      ${detail.message && html`<p class="said">${detail.message}</p>`}
      ${(detail.table || detail.field) && html`<p class="quiet"><code>${detail.table || detail.field}</code></p>`}
      <${Hint} text=${detail.own_hint ?? detail.hint} />
    </li>`)}</ol>${children}<//>`;
}
