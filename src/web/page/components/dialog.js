import { html, useEffect, useId, useRef, useState } from "../html.js";
import { ApiErrorBox } from "./errorbox.js";
import { sayError } from "./notice.js";

// A modal <dialog>: the browser keeps the focus in it, closes it on Esc, and gives the focus back.
export function Dialog({ title, onClose, busy = false, children }) {
  const dialog = useRef();
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element.showModal();
    return () => element.close();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby=${id} onClose=${onClose} onCancel=${(event) => busy && event.preventDefault()}>
    <h2 id=${id}>${title}</h2>
    ${children}
  </dialog>`;
}

// Asks for the name of what is lost before it goes. `act` is given the choices and returns a promise; what it resolves to
// is shown by `done`, where there is something to say.
export function ConfirmTyped({ title, name, verb, onClose, act, choice, done, children }) {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(false);
  const [state, setState] = useState({});
  const id = useId();
  const open = useRef(true);
  useEffect(() => () => (open.current = false), []);
  const submit = async (event) => {
    event.preventDefault();
    if (typed !== name || state.busy) return;
    setState({ busy: true });
    try {
      const result = await act(chosen);
      const said = done?.(result);
      if (said) setState({ said });
      else onClose();
    } catch (error) {
      if (open.current) setState({ error });
      else sayError(error, title);
    }
  };
  if (state.said) {
    return html`<${Dialog} title=${title} onClose=${onClose}>${state.said}
      <div class="actions"><button class="button" onClick=${onClose}>Close</button></div><//>`;
  }
  return html`<${Dialog} title=${title} onClose=${onClose} busy=${state.busy}>
    <form onSubmit=${submit}>
      ${children}
      ${choice && html`<label class="check"><input type="checkbox" checked=${chosen}
          onChange=${(event) => setChosen(event.target.checked)} /><span>${choice}</span></label>`}
      <label for=${id}>Type <b class="name">${name}</b> to confirm</label>
      <input id=${id} autofocus autocomplete="off" spellcheck=${false} value=${typed} onInput=${(event) => setTyped(event.target.value)} />
      <${ApiErrorBox} error=${state.error} />
      <div class="actions">
        <button class="button danger" type="submit" disabled=${typed !== name || state.busy}>${state.busy ? "Working…" : verb}</button>
        <button class="button" type="button" disabled=${state.busy} onClick=${onClose}>Cancel</button>
      </div>
    </form>
  <//>`;
}
