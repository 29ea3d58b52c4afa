import { html, useEffect, useRef, useState } from "../html.js";
import { logIn } from "../session.js";
import { ApiErrorBox } from "../components/errorbox.js";

export function Login({ ended }) {
  const [password, setPassword] = useState("");
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const input = useRef();
  useEffect(() => {
    document.title = "Log in – peerd";
    input.current.focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await logIn(password);
    } catch (failed) {
      setError(failed);
      setBusy(false);
      input.current.select();
    }
  };
  return html`<main class="narrow login">
    <h1>peerd</h1>
    ${ended && html`<p role="status">The session is over: it lasts twelve hours, and until peerd is started anew.</p>`}
    <form onSubmit=${submit}>
      <label for="password">Password</label>
      <input id="password" ref=${input} type="password" autocomplete="current-password" required value=${password}
          onInput=${(event) => setPassword(event.target.value)} />
      <${ApiErrorBox} error=${error} title="Not logged in" />
      <button class="button primary" type="submit" disabled=${busy}>${busy ? "Logging in…" : "Log in"}</button>
    </form>
    <p class="quiet">It is the one of <code>PEERD_PASSWORD</code>; that of <code>PEERD_READ_PASSWORD</code> lets you look and change nothing.</p>
  </main>`;
}
