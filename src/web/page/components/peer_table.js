import { html, useEffect, useState } from "../html.js";
import { get, path, post, rows } from "../api.js";
import { plural } from "../format.js";
import { href } from "../router.js";
import { useMayChange } from "../session.js";
import { ConfirmTyped } from "./dialog.js";
import { ApiErrorBox } from "./errorbox.js";
import { Icon } from "./icon.js";
import { say } from "./notice.js";

const kAgain = 60_000;      // Each look connects to the server.
const kDownAgain = 10_000;  // One that did not answer is hoped for.
const kPatience = 5_000;    // The server has few hands, and those that hang would hold them all.

function addressOf(peer) {
  let options = {};
  try {
    options = JSON.parse(peer.options ?? "{}");
  } catch {
    return "";
  }
  if (options.servers) return options.servers;
  return (options.host ?? "") + (options.port ? ":" + options.port : "") + (options.database ? "/" + options.database : "");
}

const shortVersion = (text) => /^(?:PostgreSQL )?\d[\d.]*\w*/.exec(text)?.[0] ?? text;

// Asks one peer after the other whether it answers; found(name, {version} or {error}).
async function lookAt(names, signal, found) {
  for (const name of names) {
    if (signal.aborted) return;
    const late = AbortSignal.timeout(kPatience);
    await get(path("peers", "info", name), {}, AbortSignal.any([signal, late]))
      .then(({ version }) => found(name, { version: version ?? "" }),
            (error) => signal.aborted || found(name, late.aborted ? { version: "" } : { error }));
  }
}

function usePeers() {
  const [peers, setPeers] = useState(null);
  const [error, setError] = useState(null);
  const [answers, setAnswers] = useState({});
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const ends = new AbortController();
    let timer = 0, down = false;
    const found = (name, answer) => {
      down ||= Boolean(answer.error) || !answer.version;
      setAnswers((before) => ({ ...before, [name]: answer }));
    };
    rows("peers", { limit: 10_000 }, ends.signal).then((list) => {
      setPeers(list);
      setError(null);
      return lookAt(list.map((peer) => peer.name), ends.signal, found);
    }).catch((failed) => ends.signal.aborted || setError(failed)).finally(() => {
      if (!ends.signal.aborted) timer = setTimeout(() => setTurn(turn + 1), down ? kDownAgain : kAgain);
    });
    return () => (clearTimeout(timer), ends.abort());
  }, [turn]);
  return { peers, error, answers, again: () => (setAnswers({}), setTurn(turn + 1)) };
}

function Answer({ answer }) {
  if (!answer) return html`<span class="badge tone-quiet"><${Icon} name="idle" />asking…</span>`;
  if (answer.error) return html`<span class="badge tone-bad" title=${answer.error.message}><${Icon} name="failed" />${answer.error.message}</span>`;
  if (!answer.version) return html`<span class="badge tone-bad"><${Icon} name="failed" />does not answer</span>`;
  return html`<span class="badge tone-good"><${Icon} name="ok" />answers</span>`;
}

export function PeerTable({ mirrors, onPeers }) {
  const { peers, error, answers, again } = usePeers();
  const [dropping, setDropping] = useState(null);
  const mayChange = useMayChange();
  useEffect(() => onPeers?.(peers), [peers]);
  const uses = (name) => mirrors.filter((mirror) => mirror.source === name || mirror.target === name).length;
  if (!error && !peers?.length) return null;    // The overview says what to do first.
  return html`<section aria-labelledby="peers">
    <div class="title"><h2 id="peers">Peers</h2><span class="grow"></span>
      ${peers?.length > 0 && html`<button class="button small" type="button" onClick=${again}>Ask again</button>`}
      ${mayChange && html`<a class="button small" href="#/new/peer"><${Icon} name="plus" />New peer</a>`}</div>
    <${ApiErrorBox} error=${error} title="The peers could not be listed" />
    ${peers?.length > 0 && html`<div class="scroll" role="group" aria-labelledby="peers" tabindex="0"><table class="peers">
      <caption class="unseen">Peers</caption>
      <thead><tr><th scope="col">Peer</th><th scope="col">Kind</th><th scope="col">Address</th><th scope="col">Answers</th><th
          scope="col">Version</th><th scope="col">Used by</th>${mayChange && html`<th scope="col"><span class="unseen">Actions</span>
          </th>`}</tr></thead>
      <tbody>${peers.map((peer) => html`<tr key=${peer.name} data-test="peer" data-name=${peer.name}>
        <th scope="row">${peer.name}</th><td>${peer.kind}</td><td class="wrap">${addressOf(peer)}</td>
        <td><${Answer} answer=${answers[peer.name]} /></td>
        <td title=${answers[peer.name]?.version}>${shortVersion(answers[peer.name]?.version ?? "")}</td>
        <td>${plural(uses(peer.name), "mirror")}</td>
        ${mayChange && html`<td class="c-act"><a class="button small" href=${href(["peers", peer.name])}>Edit<span
            class="unseen"> peer ${peer.name}</span></a>
          <button class="button icon-only risky" type="button" title="Drop…" onClick=${() => setDropping(peer.name)}><${Icon}
              name="trash" /><span class="unseen">Drop peer ${peer.name}</span></button></td>`}
      </tr>`)}</tbody></table></div>`}
    ${dropping && html`<${ConfirmTyped} title=${"Drop peer " + dropping} name=${dropping} verb="Drop peer" onClose=${() => setDropping(null)}
        act=${() => post("peers/drop", { peer_name: dropping })} done=${() => (say(`Peer ${dropping} is dropped.`), again())}>
      <p>peerd forgets the server's address and password. Nothing is changed on the server itself. A peer that a mirror uses is not dropped.</p><//>`}
  </section>`;
}
