import { Component, html } from "../html.js";
import { ErrorBox } from "./errorbox.js";

// A mistake of the page itself is shown where it happened, and the rest of the page goes on.
export class Boundary extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ error });
  }

  render({ children }, { error }) {
    if (!error) return children;
    return html`<${ErrorBox} title="The page has failed here" message=${error.message} hint="load the page again; what peerd does goes on meanwhile">
      <div class="actions"><button class="button" type="button" onClick=${() => location.reload()}>Load again</button></div><//>`;
  }
}
