// The mirrors of now, how fast they are, and whether peerd is heard.
import { useEffect, useState } from "./html.js";
import { get } from "./api.js";
import { follow } from "./events.js";
import { store, useStore } from "./store.js";

const kWindow = 10_000;     // Over which rows per second are averaged.
const kSparkPoints = 60;
const kSparkStep = 10_000;

const tracks = new Map();   // By name: samples [ms, rows] of the last seconds, and the sparkline's points.

export const live = store({ mirrors: new Map(), loaded: false, heardAt: 0 });
export const link = store({ state: "connecting" });

function sample(mirror, now) {
  let track = tracks.get(mirror.name);
  if (!track) tracks.set(mirror.name, track = { samples: [], spark: [] });
  const total = (mirror.rows_copied ?? 0) + (mirror.rows_streamed ?? 0);
  const last = track.samples.at(-1);
  if (last && total < last[1]) track.samples = [];  // peerd was started anew and counts from 0.
  track.samples.push([now, total]);
  while (track.samples.length > 2 && track.samples[1][0] < now - kWindow) track.samples.shift();
}

function take(list, whole) {
  const now = Date.now();
  const mirrors = whole ? new Map() : new Map(live.get().mirrors);
  for (const mirror of list) {
    mirrors.set(mirror.name, mirror);
    sample(mirror, now);
  }
  if (whole) for (const name of tracks.keys()) if (!mirrors.has(name)) tracks.delete(name);
  live.set({ mirrors, loaded: true, heardAt: now });
}

function forget(names) {
  const mirrors = new Map(live.get().mirrors);
  for (const name of names) {
    mirrors.delete(name);
    tracks.delete(name);
  }
  live.set({ ...live.get(), mirrors });
}

// Rows per second, copied and streamed, of the last ten seconds: a mirror that is not heard of has not moved.
export function rowsPerSecond(name, now = Date.now()) {
  const samples = tracks.get(name)?.samples;
  if (!samples?.length) return null;
  const first = samples.find(([at]) => at >= now - kWindow) ?? samples.at(-1);
  const rows = samples.at(-1)[1] - first[1];
  const seconds = (now - first[0]) / 1000;
  return rows === 0 || seconds < 0.5 ? 0 : rows / seconds;
}

const kNoSpark = [];
export const spark = (name) => tracks.get(name)?.spark ?? kNoSpark;

// History gives the ten minutes before; from then on the points come from what is heard.
async function loadSparks(signal) {
  const { mirrors } = await get("history", { minutes: 10, points: kSparkPoints }, signal);
  for (const [name, history] of Object.entries(mirrors)) {
    const track = tracks.get(name);
    if (track) track.spark = history.lag_seconds.slice(-kSparkPoints);
  }
  live.set({ ...live.get() });
}

function extendSparks() {
  const heard = link.get().state !== "lost";
  for (const [name, mirror] of live.get().mirrors) {
    const track = tracks.get(name);
    if (!track) continue;
    track.spark = [...track.spark.slice(1 - kSparkPoints), heard ? mirror.lag_seconds : null];
  }
}

function setLink(state, error) {
  const before = link.get();
  if (before.state === state) return;
  link.set({ state, error, since: Date.now() });
}

// Starts to listen; the function that is returned ends it.
export function start() {
  const ends = new AbortController();
  let sparksAsked = false;
  follow(ends.signal, {
    mirrors(list, whole) {
      take(list, whole);
      if (sparksAsked) return;
      sparksAsked = true;
      loadSparks(ends.signal).catch(() => {});  // Without it the sparklines begin now.
    },
    gone: forget,
    link: setLink,
  });
  const timer = setInterval(extendSparks, kSparkStep);
  return () => {
    clearInterval(timer);
    ends.abort();
    setLink("connecting");
  };
}

export const useLive = () => useStore(live);
export const useLink = () => useStore(link);

// Draws the component every `ms`, for what depends on the time of day.
export function useClock(ms = 1000) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}
