import { html, useEffect, useRef } from "../html.js";
import { time } from "../format.js";
import { href } from "../router.js";
import { logOut, useSession } from "../session.js";
import { useLink, useLive } from "../live.js";
import { DropDialog } from "./actions.js";
import { Icon } from "./icon.js";
import { Notices, sayError } from "./notice.js";

const kLinks = [[[], "Overview"], [["sql"], "SQL"], [["about"], "About"]];

const kWords = { connecting: "connecting", live: "live", polling: "polling", lost: "lost" };
const kTones = { live: "good", lost: "bad" };
const kIcons = { live: "ok", lost: "failed" };

function LinkState() {
  const { state } = useLink();
  const hint = { live: "Figures come as they change", polling: "The stream of events does not come through: figures are asked for every 2 s" }[state];
  return html`<span class=${"badge tone-" + (kTones[state] ?? "quiet")} role="status" title=${hint} data-test="link"><${Icon}
      name=${kIcons[state] ?? "idle"} />${kWords[state]}</span>`;
}

function LostBanner() {
  const { state, error } = useLink();
  const { heardAt } = useLive();
  if (state !== "lost") return null;
  const since = heardAt ? `What is shown is of ${time(new Date(heardAt).toISOString())}.` : "";
  return html`<div class="banner tone-bad" role="alert" data-test="lost"><${Icon} name="failed" />
    <span><b>${error.message}.</b> ${since} The page tries again every two seconds.</span></div>`;
}

// The frame of every view: who is in, where one can go, and whether peerd is heard.
export function Shell({ route, children }) {
  const { role, login } = useSession();
  const here = route.parts[0] ?? "";
  return html`
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), document.getElementById("main").focus())}>Skip to the content</a>
    <header class="top">
      <a class="brand" href="#/" aria-label="peerd, overview">peerd</a>
      <nav aria-label="Views">${kLinks.map(([parts, text]) => html`<a href=${href(parts)}
          aria-current=${(parts[0] ?? "") === here ? "page" : undefined}>${text}</a>`)}</nav>
      <span class="grow"></span>
      ${role === "read" && html`<span class="badge tone-quiet" title="This login sees everything and changes nothing" data-test="role">
          <${Icon} name="key" />read only</span>`}
      <${LinkState} />
      ${login === "cookie" && html`<button class="button small" type="button"
          onClick=${() => logOut().catch((error) => sayError(error, "Log out"))}>Log out</button>`}
    </header>
    <${LostBanner} />
    <main id="main" tabindex="-1">${children}</main>
    <${DropDialog} />
    <${Notices} />`;
}

// The heading of a view. Who follows a link by keyboard goes on from here, and hears it.
export function Title({ text, children }) {
  const heading = useRef();
  useEffect(() => {
    const { activeElement: focused, body } = document;
    if (focused === body || !document.getElementById("main").contains(focused)) heading.current.focus({ preventScroll: true });
  }, []);
  return html`<div class="title"><h1 ref=${heading} tabindex="-1">${text}</h1>${children}</div>`;
}
