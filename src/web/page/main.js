import { html, render, useEffect } from "./html.js";
import { start } from "./live.js";
import { useRoute } from "./router.js";
import { load, useSession } from "./session.js";
import { Boundary } from "./components/boundary.js";
import { ApiErrorBox } from "./components/errorbox.js";
import { Lazy } from "./components/lazy.js";
import { Shell, Title } from "./components/shell.js";
import { Login } from "./views/login.js";
import { Overview } from "./views/overview.js";

const kLoad = {
  Mirror: () => import("./views/mirror.js"),
  CreatePeer: () => import("./views/create_peer.js"),
  CreateMirror: () => import("./views/create_mirror.js"),
  Query: () => import("./views/query.js"),
  About: () => import("./views/about.js"),
};

function View({ route: { parts, query } }) {
  const [first, name, tab, table] = parts;
  const lazy = (view, props) => html`<${Lazy} key=${view + (props?.name ?? "")} view=${view} load=${kLoad[view]} props=${props} />`;
  if (!first) return html`<${Overview} query=${query} />`;
  if (first === "mirrors" && name) return lazy("Mirror", { name, tab, table, query });
  if (first === "peers" && name) return lazy("CreatePeer", { name });
  if (first === "new" && name === "peer") return lazy("CreatePeer");
  if (first === "new" && name === "mirror") return lazy("CreateMirror");
  if (first === "sql") return lazy("Query", { query });
  if (first === "about") return lazy("About");
  return html`<${Title} text="There is no such page" /><p><a href="#/">Overview</a></p>`;
}

function LoggedIn({ route }) {
  useEffect(start, []);
  const place = route.parts.slice(0, 2).join("/");
  useEffect(() => scrollTo(0, 0), [place]);
  return html`<${Shell} route=${route}><${Boundary} key=${place}><${View} route=${route} /><//><//>`;
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
  if (session.state === "failed") return html`<main class="narrow"><h1>peerd</h1><${ApiErrorBox} error=${session.error}
      title="No connection" /></main>`;
  return html`<main class="narrow" aria-busy="true"><h1>peerd</h1></main>`;
}

render(html`<${App} />`, document.getElementById("app"));
