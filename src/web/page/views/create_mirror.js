import { html, useEffect, useId, useRef, useState } from "../html.js";
import { get, post } from "../api.js";
import { bytes, plural } from "../format.js";
import { creation } from "../mapping.js";
import { usePoll } from "../poll.js";
import { go } from "../router.js";
import { useMayChange } from "../session.js";
import { CopyBlock } from "../components/copy.js";
import { ApiErrorBox } from "../components/errorbox.js";
import { bodyOf, named, OptionFields } from "../components/fields.js";
import { Icon } from "../components/icon.js";
import { say } from "../components/notice.js";
import { ReadOnly } from "../components/readonly.js";
import { Title } from "../components/shell.js";
import { TablePicker } from "../components/table_picker.js";

const kSteps = ["Source and target", "Tables", "Options", "Check and create"];
const kUsual = ["do_initial_copy", "idle_timeout_seconds", "soft_delete_col_name", "synced_at_col_name", "format", "topic"];

function PeerSelect({ title, peers, value, onValue, about }) {
  const id = useId();
  return html`<div class="field"><label for=${id}>${title}</label>
    <select id=${id} value=${value} aria-describedby=${id + "-about"} onChange=${(event) => onValue(event.target.value)}>
      <option value="">choose a peer</option>${peers.map((peer) => html`<option key=${peer.name} value=${peer.name}>
          ${peer.name} (${peer.type})</option>`)}</select>
    <p class="about" id=${id + "-about"}>${about} <a href="#/new/peer">New peer</a></p></div>`;
}

function Ends({ peers, draft, onDraft }) {
  const id = useId();
  const suggested = (next) => next.named || !next.source || !next.target ? next : { ...next, name: `${next.source}_to_${next.target}` };
  return html`<div class="fields">
    <${PeerSelect} title="Source" peers=${peers.sources} value=${draft.source} about="where the rows come from"
        onValue=${(source) => onDraft(suggested({ ...draft, source, picks: new Map() }))} />
    <${PeerSelect} title="Target" peers=${peers.targets} value=${draft.target} about="where they go"
        onValue=${(target) => onDraft(suggested({ ...draft, target, picks: new Map(), options: {} }))} />
    <div class="field"><label for=${id}>Name of the mirror</label>
      <input id=${id} value=${draft.name} autocomplete="off" spellcheck=${false} aria-describedby=${id + "-about"}
          onInput=${(event) => onDraft({ ...draft, name: event.target.value, named: true })} />
      <p class="about" id=${id + "-about"}>by which you pause, resume and drop it</p></div></div>`;
}

// What the publications are called is a help, not a need: without it any name can be typed.
function Options({ source, options, draft, onDraft }) {
  const { value } = usePoll((signal) => get("peers/publications", { peer_name: source }, signal), 0, source);
  return html`<p class="quiet">Every option has a default that is fit for most mirrors.</p>
    <${OptionFields} options=${options} values=${draft.options} usual=${kUsual} known=${{ publication_name: value?.publicationNames }}
      onValues=${(values) => onDraft({ ...draft, options: values })} />`;
}

// Checks everything, and lists every problem with its cure; nothing is created before there is none.
function Check({ body, draft }) {
  const [state, setState] = useState({ busy: "check" });
  const [turn, setTurn] = useState(0);
  const text = JSON.stringify(body, null, 2);
  useEffect(() => {
    const ends = new AbortController();
    setState({ busy: "check" });
    post("mirrors/cdc/validate", body, ends.signal)
      .then(() => setState({ fit: true }), (error) => ends.signal.aborted || setState({ error }));
    return () => ends.abort();
  }, [turn, text]);
  const create = async () => {
    setState({ busy: "create" });
    try {
      await post("flows/cdc/create", body);
      say(`Mirror ${draft.name} is created.`);
      go(["mirrors", draft.name]);
    } catch (error) {
      setState({ error });
    }
  };
  const total = [...draft.picks.values()].reduce((sum, pick) => sum + pick.bytes, 0);
  return html`
    <p><b>${draft.name}</b>: ${plural(draft.picks.size, "table")}, ${bytes(total)}, from <b>${draft.source}</b> to <b>${draft.target}</b>.</p>
    <div aria-live="polite">
      ${state.busy === "check" && html`<p class="quiet" aria-busy="true">Checking source, target, tables and names…</p>`}
      ${state.fit && html`<div class="box tone-good" data-test="fit"><p class="box-title"><${Icon}
          name="check" />Source, target and tables are fit</p><p>Nothing has been created so far.</p></div>`}
    </div>
    <${ApiErrorBox} error=${state.error}
        title=${state.error?.details?.length > 1 ? `${state.error.details.length} problems to cure first` : "Not fit to be created yet"} />
    <div class="actions">
      <button class="button primary" type="button" disabled=${!state.fit} onClick=${create}>
          ${state.busy === "create" ? "Creating…" : "Create mirror"}</button>
      <button class="button" type="button" disabled=${state.busy} onClick=${() => setTurn(turn + 1)}>Check again</button></div>
    <details class="more"><summary>The same as a call of the REST API</summary>
      <p class="quiet"><code>POST /api/v1/flows/cdc/create</code></p><${CopyBlock} text=${text} label="Body of the call" /></details>`;
}

function NoPeers({ peers }) {
  const missing = peers.sources.length === 0 ? "a source: a Postgres to mirror from" : "a target: a ClickHouse, a Kafka or another Postgres";
  return html`<section class="empty" data-test="empty"><h2>First create peers</h2><p>There is not yet ${missing}.</p><a
      class="button primary" href="#/new/peer"><${Icon} name="plus" />New peer</a></section>`;
}

// Which steps can be gone to: those whose earlier ones are filled in.
function reach(draft) {
  if (!draft.source || !draft.target || !draft.name.trim()) return 0;
  return draft.picks.size === 0 ? 1 : 3;
}

function why(draft) {
  if (!draft.source || !draft.target) return "Choose a source and a target first.";
  if (!draft.name.trim()) return "Give the mirror a name first.";
  return "Choose at least one table first.";
}

function Stepper({ step, far, onStep }) {
  return html`<ol class="steps">${kSteps.map((title, index) => html`<li key=${title}><button type="button"
      aria-current=${index === step ? "step" : undefined} disabled=${index > far} onClick=${() => onStep(index)}><span>${index + 1}</span>
      ${title}</button></li>`)}</ol>`;
}

function Wizard({ peers, options }) {
  const [step, setStep] = useState(0);
  const [draft, setDraft] = useState({ source: peers.sources.length === 1 ? peers.sources[0].name : "", target: "", name: "", picks: new Map(), options: {} });
  const [told, setTold] = useState("");
  const heading = useRef();
  const first = useRef(true);
  const kind = peers.targets.find((peer) => peer.name === draft.target)?.type;
  const table = named([...(options.mirror_for?.[kind] ?? []), ...options.mirror], "mirror");
  const far = reach(draft);
  useEffect(() => {
    if (!first.current) heading.current.focus();
    first.current = false;
    setTold("");
  }, [step]);
  const next = () => step < far ? setStep(step + 1) : setTold(why(draft));
  const body = creation({ ...draft, name: draft.name.trim(), options: bodyOf(table, draft.options) });
  return html`<${Stepper} step=${step} far=${far} onStep=${setStep} />
    <div class="wizard"><h2 id="step" ref=${heading} tabindex="-1">${kSteps[step]}</h2>
      ${step === 0 && html`<${Ends} peers=${peers} draft=${draft} onDraft=${setDraft} />`}
      ${step === 1 && html`<${TablePicker} peer=${draft.source} kind=${kind} picks=${draft.picks}
          onPicks=${(picks) => setDraft({ ...draft, picks })} />`}
      ${step === 2 && html`<${Options} source=${draft.source} options=${table} draft=${draft} onDraft=${setDraft} />`}
      ${step === 3 && html`<${Check} body=${body} draft=${{ ...draft, name: draft.name.trim() }} />`}
      <div class="actions between">
        ${step > 0 && html`<button class="button" type="button" onClick=${() => setStep(step - 1)}>Back</button>`}
        ${step < 3 && html`<button class="button primary" type="button" onClick=${next}>Next</button>`}
        <p class="wrong middle" role="status">${told}</p></div>
    </div>`;
}

export function CreateMirror() {
  const mayChange = useMayChange();
  const { value, error } = usePoll(async (signal) => {
    const [options, list] = await Promise.all([get("options", {}, signal), get("peers/list", {}, signal)]);
    return { options, peers: { sources: list.sourceItems ?? [], targets: list.destinationItems ?? [] } };
  }, 0, "");
  useEffect(() => void (document.title = "New mirror – peerd"), []);
  const ready = value && value.peers.sources.length > 0 && value.peers.targets.length > 0;
  return html`<${Title} text="New mirror" />
    ${!mayChange && html`<${ReadOnly} />`}
    <${ApiErrorBox} error=${error} title="The peers could not be listed" />
    ${!value && !error && html`<p class="quiet" aria-busy="true">Asking for the peers…</p>`}
    ${mayChange && value && !ready && html`<${NoPeers} peers=${value.peers} />`}
    ${mayChange && ready && html`<${Wizard} peers=${value.peers} options=${value.options} />`}`;
}
