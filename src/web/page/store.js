import { useEffect, useState } from "./html.js";

// A value that outlives components and that they can watch.
export function store(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const watcher of watchers) watcher();
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

// The value of now; the component is drawn again whenever it is set.
export function useStore(watched) {
  const [, draw] = useState(0);
  useEffect(() => watched.watch(() => draw((count) => count + 1)), [watched]);
  return watched.get();
}
