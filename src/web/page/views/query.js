import { html, useEffect, useRef, useState } from "../html.js";
import { get, post } from "../api.js";
import { csv, plural } from "../format.js";
import { usePoll } from "../poll.js";
import { note } from "../router.js";
import { ApiErrorBox } from "../components/errorbox.js";
import { CopyButton } from "../components/copy.js";
import { Title } from "../components/shell.js";

const kFirst = "SELECT name, state, health, step, last_error\nFROM mirrors\nORDER BY name;";
const kExamples = [
  ["What fails", "SELECT name, health, last_error, last_error_hint\nFROM mirrors\nWHERE last_error IS NOT NULL AND health NOT IN ('ok', 'idle');"],
  ["Most WAL kept", "SELECT name, source, pg_size_pretty(wal_kept_bytes) AS wal, lag_seconds\nFROM mirrors\nORDER BY wal_kept_bytes DESC NULLS LAST\nLIMIT 20;"],
  ["Slow batches", "SELECT mirror, at, inserts + updates + deletes AS changes, applied_ms\nFROM mirror_batches\nORDER BY applied_ms DESC\nLIMIT 20;"],
  ["Errors of the log", "SELECT mirror, at, message, hint\nFROM mirror_logs\nWHERE level = 'error'\nORDER BY at DESC\nLIMIT 50;"],
];
const kNumbers = /int|numeric|real|double|oid/;

function download(text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "peerd.csv";
  link.click();
  URL.revokeObjectURL(url);
}

function Result({ result }) {
  const { columns, rows, truncated } = result;
  const text = () => csv(columns.map(({ name }) => name)) + rows.map(csv).join("");
  const align = ({ type }) => kNumbers.test(type) ? "number" : undefined;
  return html`<section aria-labelledby="result" data-test="result">
    <div class="title"><h2 id="result">${plural(rows.length, "row")}</h2>${truncated && html`<span
        class="quiet">only the first of them; there are more</span>`}<span class="grow"></span>
      <${CopyButton} text=${rows.length ? text() : ""} what="as CSV" /><button class="button small" type="button"
          onClick=${() => download(text())}>Download CSV</button></div>
    <div class="scroll" role="group" aria-labelledby="result" tabindex="0"><table class="dense grid">
      <caption class="unseen">Result</caption>
      <thead><tr>${columns.map((column) => html`<th scope="col" class=${align(column)} title=${column.type}>${column.name}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${row.map((cell, index) => html`<td class=${align(columns[index])}>${cell === null ? html`<span
          class="null">NULL</span>` : cell}</td>`)}</tr>`)}</tbody>
    </table></div></section>`;
}

function Views({ onPick }) {
  const { value, error } = usePoll((signal) => get("views", {}, signal), 0, "");
  return html`<aside class="side" aria-label="Views">
    <h2>Views</h2>
    <${ApiErrorBox} error=${error} title="The views could not be listed" />
    ${value?.views.map((view) => html`<details key=${view.name}><summary><code>${view.name}</code></summary>
      <p class="quiet">${view.doc}</p>
      <ul class="columns">${view.columns.map((column) => html`<li><code>${column.name}</code> <span class="quiet">${column.type}</span></li>`)}</ul>
      <button class="button small" type="button" onClick=${() => onPick(`SELECT *\nFROM ${view.name}\nLIMIT 100;`)}>SELECT *<span
          class="unseen"> FROM ${view.name}</span></button></details>`)}
  </aside>`;
}

export function Query({ query }) {
  const [sql, setSql] = useState(query.q ?? kFirst);
  const [state, setState] = useState({});
  const running = useRef();
  const run = async (text) => {
    running.current?.abort();  // What is asked last is what is shown.
    const own = running.current = new AbortController();
    setState({ busy: true });
    note(["sql"], { q: text });
    const next = await post("query", { sql: text }, own.signal).then((result) => ({ result }), (error) => ({ error }));
    if (!own.signal.aborted) setState(next);
  };
  useEffect(() => {
    document.title = "SQL – peerd";
    run(sql);
    return () => running.current.abort();
  }, []);
  const pick = (text) => (setSql(text), run(text));
  const submit = (event) => (event.preventDefault(), state.busy || run(sql));
  const keys = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event);
  return html`<${Title} text="SQL" />
    <div class="split"><div>
      <form onSubmit=${submit}>
        <label for="sql">SELECT over peerd's own views</label>
        <textarea id="sql" class="code sql" rows="7" spellcheck=${false} value=${sql} onInput=${(event) => setSql(event.target.value)}
            onKeyDown=${keys} aria-describedby="sql-about" />
        <div class="actions"><button class="button primary" type="submit" disabled=${state.busy}>${state.busy ? "Running…" : "Run"}</button>
          ${kExamples.map(([title, text]) => html`<button class="button" type="button" onClick=${() => pick(text)}>${title}</button>`)}</div>
        <p class="about" id="sql-about">Ctrl+Enter runs it. It reads and changes nothing; at most 1,000 rows are shown. The SQL port answers the same to psql.</p>
      </form>
      <${ApiErrorBox} error=${state.error} title=${state.error?.sqlstate ? `Error ${state.error.sqlstate}` : "Not answered"} />
      ${state.result && html`<${Result} result=${state.result} />`}
    </div><${Views} onPick=${pick} /></div>`;
}
