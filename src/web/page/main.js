import { html, render, useEffect } from "./html.js";
import { start } from "./live.js";
import { useRoute } from "./router.js";
import { load, useSession } from "./session.js";
import { ApiErrorBox } from "./components/errorbox.js";
import { Shell } from "./components/shell.js";
import { About } from "./views/about.js";
import { CreateMirror } from "./views/create_mirror.js";
import { CreatePeer } from "./views/create_peer.js";
import { Login } from "./views/login.js";
import { Mirror } from "./views/mirror.js";
import { Overview } from "./views/overview.js";
import { Query } from "./views/query.js";

function View({ route: { parts, query } }) {
  const [first, name, tab] = parts;
  if (!first) return html`<${Overview} query=${query} />`;
  if (first === "mirrors" && name) return html`<${Mirror} key=${name} name=${name} tab=${tab} query=${query} />`;
  if (first === "new" && name === "peer") return html`<${CreatePeer} />`;
  if (first === "new" && name === "mirror") return html`<${CreateMirror} query=${query} />`;
  if (first === "peers" && name) return html`<${CreatePeer} key=${name} name=${name} />`;
  if (first === "sql") return html`<${Query} query=${query} />`;
  if (first === "about") return html`<${About} />`;
  return html`<h1 tabindex="-1" data-focus>There is no such page</h1><p><a href="#/">Overview</a></p>`;
}

// Who follows a link by keyboard goes on from the new heading, and hears it.
function useFocus(route) {
  const place = route.parts.slice(0, 2).join("/");
  useEffect(() => {
    const heading = document.querySelector("[data-focus]");
    if (document.activeElement === document.body || !document.querySelector("#main")?.contains(document.activeElement)) heading?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
}

function LoggedIn({ route }) {
  useEffect(start, []);
  useFocus(route);
  return html`<${Shell} route=${route}><${View} route=${route} /><//>`;
}

function App() {
  const session = useSession();
  const route = useRoute();
  useEffect(() => {
    if (session.state === "asking") load();
    const timer = session.state === "failed" && setTimeout(load, 2000);
    return () => clearTimeout(timer);
  }, [session]);
  if (session.state === "in") return html`<${LoggedIn} route=${route} />`;
  if (session.state === "out") return html`<${Login} ended=${session.ended} />`;
  if (session.state === "failed") return html`<main class="narrow"><h1>peerd</h1><${ApiErrorBox} error=${session.error} title="No connection" /></main>`;
  return html`<main class="narrow" aria-busy="true"><h1>peerd</h1></main>`;
}

render(html`<${App} />`, document.getElementById("app"));
