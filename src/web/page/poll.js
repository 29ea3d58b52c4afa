import { useEffect, useState } from "./html.js";

// Asks again and again, `ms` after each answer, while the component stands; anew at once when `about` changes. What was
// last answered stays beside the error of a later try; `again` asks now. ms = 0 asks once.
export function usePoll(ask, ms, about) {
  const [state, setState] = useState({ about });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const ends = new AbortController();
    let timer = 0;
    const round = async () => {
      try {
        const value = await ask(ends.signal);
        setState({ about, value, error: null });
      } catch (error) {
        if (ends.signal.aborted) return;
        setState((before) => ({ about, value: before.about === about ? before.value : undefined, error }));
      }
      if (ms > 0 && !ends.signal.aborted) timer = setTimeout(round, document.hidden ? 10 * ms : ms);
    };
    round();
    return () => (clearTimeout(timer), ends.abort());
  }, [about, ms, turn]);
  const now = state.about === about ? state : {};
  return { value: now.value, error: now.error ?? null, again: () => setTurn(turn + 1) };
}
