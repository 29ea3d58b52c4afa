// One place binds htm to Preact: views and components import from here alone.
import { Component, Fragment, h, render } from "./lib/preact.js";
import htm from "./lib/htm.js";

export const html = htm.bind(h);
export { Component, Fragment, render };
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "./lib/hooks.js";
