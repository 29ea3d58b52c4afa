// What happens to mirrors, as it happens: server-sent events, and polling while they do not come.
import { request, rows } from "./api.js";

const kSilence = 40_000;     // The server writes a line at least every 15 s.
const kRetry = 2_000;
const kHiddenPoll = 30_000;  // A tab in the background holds none of the browser's few connections.

// Reads one event after the other from the text of a stream. By hand and not by EventSource, which cannot send the
// header that keeps the browser's own password box shut.
export function eventReader(onEvent) {
  let rest = "";
  const take = (block) => {
    let name = "message";
    const data = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
    }
    if (data.length) onEvent(name, JSON.parse(data.join("\n")));
  };
  return (text) => {
    let from = Math.max(0, rest.length - 1);   // What was looked through is not looked through again.
    rest += text;
    for (let end; (end = rest.indexOf("\n\n", from)) >= 0; from = 0) {
      take(rest.slice(0, end));
      rest = rest.slice(end + 2);
    }
  };
}

// Until `ms` are over, the tab is shown or hidden (if asked for), or `signal` is aborted.
const pause = (ms, signal, turn = false) => new Promise((done) => {
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    document.removeEventListener("visibilitychange", end);
    done();
  };
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end);
  if (turn) document.addEventListener("visibilitychange", end);
});

// Until the stream ends, which always throws or returns: nothing here says why, the poll that follows does.
async function stream(signal, on) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), kSilence);
  const ends = AbortSignal.any([signal, silence.signal]);
  try {
    const response = await request("GET", "events", { signal: ends, patience: 0 });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let whole = true;
    const read = eventReader((name, data) => {
      if (name === "gone") on.gone(data);
      if (name !== "mirrors") return;
      on.mirrors(data, whole);
      if (whole) on.link("live");
      whole = false;
    });
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), kSilence);
      read(value);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function poll(signal, on) {
  try {
    on.mirrors(await rows("mirrors", { limit: 10_000 }, signal), true);
    on.link("polling");
  } catch (error) {
    if (!signal.aborted && error.status !== 401) on.link("lost", error);
  }
}

// Calls on.mirrors(list, whole), on.gone(names) and on.link(word, error) until `signal` is aborted.
export async function follow(signal, on) {
  while (!signal.aborted) {
    if (document.hidden) {
      await poll(signal, on);
      await pause(kHiddenPoll, signal, true);
      continue;
    }
    const shown = new AbortController();
    const hide = () => document.hidden && shown.abort();
    document.addEventListener("visibilitychange", hide);
    const ended = await stream(AbortSignal.any([signal, shown.signal]), on).then(() => null, (error) => error);
    document.removeEventListener("visibilitychange", hide);
    if (signal.aborted || ended?.status === 401) return;
    if (document.hidden) continue;
    await poll(signal, on);
    await pause(kRetry, signal);
  }
}
