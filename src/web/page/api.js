// Calls of the REST API. Every failure is an ApiError that keeps what the server said.

const base = new URL("../api/v1/", import.meta.url);
const kPatience = { GET: 30_000, POST: 120_000, DELETE: 30_000 };  // A drop may take a minute.
let whenLoggedOut = () => {};

export class ApiError extends Error {
  constructor(status, message, details = []) {
    super(message);
    const first = details[0] ?? {};
    this.status = status;
    this.details = details;
    this.hint = first.hint ?? "";
    this.field = first.field ?? "";
    this.reason = first.reason ?? "";
    this.sqlstate = first.sqlstate ?? "";
  }
}

// What to do when the session is over: the login form is shown.
export function onLoggedOut(callback) {
  whenLoggedOut = callback;
}

export function address(path, query = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

// A path out of parts, each of them escaped.
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

function detailsOf(body) {
  return (body?.details ?? []).map((detail) => ({ reason: detail.reason ?? "", ...detail.metadata }));
}

async function failure(response) {
  const text = await response.text().catch(() => "");
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy in between answers in its own way.
  }
  const message = body?.message || text.slice(0, 500) || `HTTP ${response.status} ${response.statusText}`;
  return new ApiError(response.status, message, detailsOf(body));
}

function unreachable(error, method) {
  const late = error?.name === "TimeoutError";
  const message = late ? `peerd did not answer within ${kPatience[method] / 1000} s` : "peerd does not answer";
  const hint = late ? "look at the mirror's state before you try again: the request may still be carried out"
                    : "it was stopped, is being started, or this browser cannot reach it; the page tries on by itself";
  return new ApiError(0, message, [{ hint, reason: "UNREACHABLE" }]);
}

// The response of a call that succeeded. `signal` ends it early, and then the reason is thrown as it is.
export async function request(method, target, { query, body, signal, patience = kPatience[method] } = {}) {
  const headers = { "X-Requested-With": "peerd" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const ends = [signal, patience && AbortSignal.timeout(patience)].filter(Boolean);
  let response;
  try {
    response = await fetch(address(target, query), {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin", cache: "no-store", signal: ends.length ? AbortSignal.any(ends) : undefined,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(error, method);
  }
  if (response.ok) return response;
  const error = await failure(response);
  if (error.status === 401) whenLoggedOut(error);
  throw error;
}

async function json(method, target, options) {
  const response = await request(method, target, options);
  try {
    return await response.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw new ApiError(0, "the answer of peerd broke off", [{ hint: "try again" }]);
  }
}

export const get = (target, query, signal) => json("GET", target, { query, signal });
export const post = (target, body, signal) => json("POST", target, { body, signal });
export const remove = (target) => json("DELETE", target, {});
export const rows = async (view, query, signal) => (await get(path("views", view), query, signal)).rows;
