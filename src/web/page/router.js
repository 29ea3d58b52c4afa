// Routes behind the # of the address: "#/mirrors/m1/log?level=error" is the parts mirrors, m1, log and a query.
import { useEffect, useState } from "./html.js";

function current() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

export function href(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const tail = new URLSearchParams(given).toString();
  return "#/" + parts.map(encodeURIComponent).join("/") + (tail ? "?" + tail : "");
}

export function go(parts, query) {
  location.hash = href(parts, query);
}

// Notes filters in the address, so that it can be sent on; it is no step of its own for the Back button.
export function note(parts, query) {
  history.replaceState(null, "", href(parts, query));
}

export function useRoute() {
  const [route, setRoute] = useState(current);
  useEffect(() => {
    const changed = () => setRoute(current());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
