// Who is logged in. `state` is one of: asking, out, in, failed.
import { get, onLoggedOut, post, remove } from "./api.js";
import { store, useStore } from "./store.js";

export const session = store({ state: "asking" });

export const useSession = () => useStore(session);
export const useMayChange = () => useSession().role === "admin";

onLoggedOut(() => {
  const before = session.get();
  if (before.state !== "out") session.set({ state: "out", ended: before.state === "in" });
});

export async function load() {
  try {
    session.set({ state: "in", ...await get("session") });
  } catch (error) {
    if (error.status !== 401) session.set({ state: "failed", error });
  }
}

export async function logIn(password) {
  await post("session", { password });
  await load();
}

export async function logOut() {
  await remove("session");
  session.set({ state: "out" });
}
