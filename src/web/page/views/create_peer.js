import { html, useEffect, useId, useState } from "../html.js";
import { get, path, post } from "../api.js";
import { usePoll } from "../poll.js";
import { go } from "../router.js";
import { useMayChange } from "../session.js";
import { ApiErrorBox } from "../components/errorbox.js";
import { bodyOf, named, OptionFields, problemsByField } from "../components/fields.js";
import { Icon } from "../components/icon.js";
import { say } from "../components/notice.js";
import { ReadOnly } from "../components/readonly.js";
import { Title } from "../components/shell.js";

const kUsual = ["host", "port", "servers", "user", "password", "database", "disable_tls"];
const kMask = "********";
const kUses = { POSTGRES: "Postgres", CLICKHOUSE: "ClickHouse", KAFKA: "Kafka" };

const configName = (kind) => kind.toLowerCase() + "_config";
const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

function useOf(kind) {
  if (kind.source && kind.target) return "source or target";
  return kind.source ? "source" : "target";
}

// The stored options as texts for the form; a secret is never sent out, so it must be typed anew.
function storedValues(kind, peer) {
  const config = peer[camel(configName(kind.kind))] ?? peer[configName(kind.kind)] ?? {};
  const values = {}, stored = {};
  for (const option of named(kind.options, kind.kind)) {
    const value = config[camel(option.field)] ?? config[option.field];
    if (value === undefined || value === null || value === "") continue;
    const isMap = typeof value === "object" && !Array.isArray(value);
    if (value === kMask || (isMap && Object.keys(value).length > 0)) stored[option.name] = true;
    else if (!isMap) values[option.name] = String(value);
  }
  return { values, stored };
}

function Kinds({ kinds, chosen, onChoose }) {
  return html`<fieldset class="kinds"><legend>Kind</legend>${kinds.map((kind) => html`<label key=${kind.kind} class="tile">
    <input type="radio" name="kind" value=${kind.kind} checked=${kind.kind === chosen} onChange=${() => onChoose(kind.kind)} />
    <span><b>${kUses[kind.kind] ?? kind.kind}</b><span class="quiet">${useOf(kind)}</span></span></label>`)}</fieldset>`;
}

// What a Test or a creation came to.
function Outcome({ outcome }) {
  if (outcome.error) return html`<${ApiErrorBox} error=${outcome.error}
      title=${outcome.what === "test" ? "The test failed" : "The peer is not stored"} />`;
  if (outcome.tested) {
    return html`<div class="box tone-good" role="status" data-test="tested"><p class="box-title"><${Icon} name="check" />${outcome.tested.message}</p>
      <p>peerd connected within ${outcome.seconds.toFixed(1)} s, logged in, and found what it needs of such a server. Nothing is stored so far.</p></div>`;
  }
  return null;
}

function Form({ kinds, old }) {
  const [kind, setKind] = useState(old?.kind ?? kinds[0]?.kind);
  const [name, setName] = useState(old?.name ?? "");
  const [values, setValues] = useState(old?.values ?? {});
  const [outcome, setOutcome] = useState({});
  const changed = () => outcome.tested && setOutcome({});  // It was another peer that passed.
  const id = useId();
  const options = named(kinds.find((one) => one.kind === kind).options, kind);
  const problems = problemsByField(outcome.error);
  const peer = () => ({ name: name.trim(), type: kind, [configName(kind)]: bodyOf(options, values) });
  const test = async () => {
    setOutcome({ busy: "test" });
    const began = Date.now();
    try {
      const tested = await post("peers/validate", { peer: peer() });
      setOutcome({ tested, seconds: (Date.now() - began) / 1000 });
    } catch (error) {
      setOutcome({ error, what: "test" });
    }
  };
  const create = async (event) => {
    event.preventDefault();
    setOutcome({ busy: "create" });
    try {
      await post("peers/create", { peer: peer(), allow_update: Boolean(old) });
      say(`Peer ${name.trim()} is ${old ? "replaced" : "created"}.`);
      go([]);
    } catch (error) {
      setOutcome({ error, what: "create" });
    }
  };
  return html`<form class="form" onSubmit=${create} noValidate>
    ${!old && html`<${Kinds} kinds=${kinds} chosen=${kind} onChoose=${(next) => (setKind(next), setOutcome({}))} />`}
    <div class="fields"><div class="field"><label for=${id}>name</label>${!old && html` <span class="must">required</span>`}
      <input id=${id} value=${name} disabled=${Boolean(old)} autocomplete="off" spellcheck=${false} required
          aria-invalid=${problems.name ? "true" : undefined} aria-describedby=${id + "-about"} onInput=${(event) => (setName(event.target.value), changed())} />
      <p class="about" id=${id + "-about"}>by which mirrors and SQL call it</p>${problems.name && html`<p class="wrong">
          ${problems.name.message} <span>${problems.name.hint}</span></p>`}</div></div>
    <${OptionFields} key=${kind} options=${options} values=${values} onValues=${(next) => (setValues(next), changed())} problems=${problems} stored=${old?.stored}
        usual=${kUsual} />
    <${Outcome} outcome=${outcome} />
    <div class="actions">
      <button class="button primary" type="submit" disabled=${outcome.busy}>
          ${outcome.busy === "create" ? "Connecting…" : old ? "Replace peer" : "Create peer"}</button>
      <button class="button" type="button" disabled=${outcome.busy} onClick=${test}>${outcome.busy === "test" ? "Testing…" : "Test"}</button>
      <a class="button" href="#/">Cancel</a>
    </div>
    <p class="quiet">A test connects and checks, and stores nothing. ${old ? "Replacing" : "Creating"} does the same first.${old && " A peer that mirrors use can only be pointed at the same server and database."}</p>
  </form>`;
}

export function CreatePeer({ name }) {
  const mayChange = useMayChange();
  const { value, error } = usePoll(async (signal) => {
    const [{ peers: kinds }, info] = await Promise.all([get("options", {}, signal), name && get(path("peers", "info", name), {}, signal)]);
    if (!info) return { kinds };
    const kind = kinds.find((one) => one.kind === info.peer.type);
    return { kinds, old: { name, kind: kind.kind, ...storedValues(kind, info.peer) } };
  }, 0, name ?? "");
  const title = name ? `Peer ${name}` : "New peer";
  useEffect(() => void (document.title = title + " – peerd"), [title]);
  return html`<${Title} text=${title} />
    ${!mayChange && html`<${ReadOnly} />`}
    <${ApiErrorBox} error=${error} title="The form could not be made" />
    ${!value && !error && html`<p class="quiet" aria-busy="true">${name ? "Asking for the peer…" : "Asking for the kinds of peers…"}</p>`}
    ${mayChange && value && html`<${Form} kinds=${value.kinds} old=${value.old} />`}`;
}
