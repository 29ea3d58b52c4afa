import { html, useId } from "../html.js";
import { plural } from "../format.js";

// Fields out of the options that the server lists: type, default, doc, secret, bounds.

const kStored = "stored; type it again to keep or change it";

const isPem = (option) => option.doc.includes("PEM text");
const isMap = (option) => option.name.endsWith(".");
const isPlainSwitch = (option) => option.type === "boolean" && option.default !== "";

const label = (option) => isMap(option) ? option.name.slice(0, -1) : option.name;

// Where the REST API calls an option as PeerDB does, and not as the option tables do; and what it takes as a list.
const kRestNames = { KAFKA: { user: "username", sasl_mechanism: "sasl" }, mirror: { do_initial_copy: "do_initial_snapshot" } };
const kLists = { KAFKA: ["servers"] };

// The options of a kind of peer, or of "mirror", for a form: each once, as other names are for statements that were written
// elsewhere; defaults as texts; `field` is what the API calls it.
export function named(options, kind) {
  return options.filter((option) => !option.alias_of).map((option) => ({
    ...option, default: String(option.default ?? ""), field: kRestNames[kind]?.[option.name] ?? label(option), list: kLists[kind]?.includes(option.name),
  }));
}

function about(option) {
  const facts = [];
  const bounds = [option.least, option.most].filter((bound) => bound !== null && bound !== undefined);
  if (option.type === "integer" && bounds.length === 2 && option.most > 0) facts.push(`${option.least} to ${option.most}`);
  if (option.default !== "" && option.type !== "boolean") facts.push(`default ${option.default}`);
  if (isMap(option)) facts.push("one a line, name=value");
  return option.doc + (facts.length ? ` (${facts.join("; ")})` : "");
}

function Control({ option, id, described, value, onValue, invalid, stored, known }) {
  const input = (event) => onValue(event.target.value);
  const common = { id, value: value ?? "", onInput: input, "aria-describedby": described, "aria-invalid": invalid ? "true" : undefined, required: option.required, spellcheck: false };
  if (option.type === "boolean") {
    return html`<select ...${common} onChange=${input}><option value="">not set: the default</option><option value="true">true</option>
        <option value="false">false</option></select>`;
  }
  if (isPem(option) || isMap(option)) return html`<textarea ...${common} class="code" rows="3" autocomplete="off"
      placeholder=${stored ? kStored : ""} />`;
  if (option.type === "integer") return html`<input ...${common} inputmode="numeric" autocomplete="off" placeholder=${option.default} />`;
  return html`<input ...${common} value=${value ?? option.default} type=${option.secret ? "password" : "text"} list=${known && id + "-known"}
      autocomplete=${option.secret ? "new-password" : "off"} placeholder=${stored ? kStored : ""} />
    ${known && html`<datalist id=${id + "-known"}>${known.map((word) => html`<option value=${word} />`)}</datalist>`}`;
}

// One option: its name, its control, what it is, and what the server says is wrong with it.
export function OptionField({ option, value, onValue, problem, stored, known }) {
  const id = useId();
  const described = id + "-about";
  const said = problem && html`<p class="wrong" id=${id + "-wrong"}>
      ${problem.message || "This is not accepted"}${problem.hint && html` <span>${problem.hint}</span>`}</p>`;
  const describedBy = problem ? `${id}-wrong ${described}` : described;
  if (isPlainSwitch(option)) {
    const on = value === undefined ? option.default === "true" : value === "true";
    return html`<div class="field"><label class="check"><input type="checkbox" checked=${on} aria-describedby=${describedBy}
        onChange=${(event) => onValue(String(event.target.checked))} /><b>${label(option)}</b></label>
      <p class="about" id=${described}>${about(option)}</p>${said}</div>`;
  }
  return html`<div class="field"><label for=${id}>${label(option)}</label>${option.required && html` <span class="must">required</span>`}
    <${Control} option=${option} id=${id} described=${describedBy} value=${value} onValue=${onValue}
      invalid=${problem} stored=${stored} known=${known} />
    <p class="about" id=${described}>${about(option)}</p>${said}</div>`;
}

// Those that must be set and the usual ones first, the rest folded. `usual` names the usual ones; `known` has words to choose
// from, for options where any word may be given.
export function OptionFields({ options, values, onValues, problems = {}, stored = {}, usual = [], known = {} }) {
  const field = (option) => html`<${OptionField} key=${option.name} option=${option} value=${values[option.name]}
      problem=${problems[option.field] ?? problems[option.name]} stored=${stored[option.name]} known=${known[option.name]}
      onValue=${(value) => onValues({ ...values, [option.name]: value })} />`;
  const first = options.filter((option) => option.required || usual.includes(option.name));
  const more = options.filter((option) => !first.includes(option));
  const open = more.some((option) => problems[option.field] || (values[option.name] ?? option.default) !== option.default);
  return html`<div class="fields">${first.map(field)}</div>
    ${more.length > 0 && html`<details class="more" open=${open}><summary>${plural(more.length, "more option")}</summary><div
        class="fields">${more.map(field)}</div></details>`}`;
}

function mapOf(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const [name, ...value] = line.split("=");
    return [name.trim(), value.join("=").trim()];
  }));
}

// What was filled in, as the API takes it. What stands as it was is left out, and so is what is empty, but where a text's
// default is emptied: that says something. Numbers go as they were typed, so that the server says what is wrong with them.
export function bodyOf(options, values) {
  const body = {};
  for (const option of options) {
    const value = values[option.name];
    const emptied = value === "" && option.type === "text" && option.default !== "";
    if (value === undefined || value === option.default || (value === "" && !emptied)) continue;
    if (isMap(option)) body[option.field] = mapOf(value);
    else if (option.list) body[option.field] = value.split(",").map((part) => part.trim());
    else if (option.type === "boolean") body[option.field] = value === "true";
    else body[option.field] = option.secret || isPem(option) ? value : value.trim();
  }
  return body;
}

// The details of an error by the option that each is about: the last part of its path.
export function problemsByField(error) {
  const found = {};
  for (const detail of error?.details ?? []) {
    const last = detail.field?.split(".").at(-1);
    if (last) found[last] ??= { message: detail.message ?? error.message, hint: detail.own_hint ?? detail.hint };
  }
  return found;
}
