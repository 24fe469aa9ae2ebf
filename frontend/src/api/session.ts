import { HINT, REFRESH, RENEWAL } from "../first/keys";
import { writeLast } from "../first/last";
import { ApiError, send } from "./http";
import type { LoginRequest, Session, User } from "./types";

/**
 * The session: the access token lives in this module's memory and nowhere else; an HttpOnly cookie,
 * which no script can read, renews it.
 */
export type SessionState =
  | { phase: "starting" }
  | { phase: "away" }
  | { phase: "out"; ended: boolean }
  | { phase: "in"; token: string; user: User };

const RENEW_BEFORE_MS = 60_000;
const RETRY_MS = 15_000;

let state: SessionState = { phase: "starting" };
let renewal: Promise<void> | null = null;
let begun = false;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
const tabs = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("smartmeter-session");

function set(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

/**
 * Says only that a cookie may exist, to spare a first visitor a request that must fail, and whose pages to
 * load meanwhile: what somebody may see is the server's to say.
 */
function hint(role: User["role"] | null): void {
  try {
    if (role) localStorage.setItem(HINT, role);
    else localStorage.removeItem(HINT);
  } catch {
    // Without storage a reload asks for the password again.
  }
}

/** The role of whoever was signed in here last and has not signed out; null if nobody. */
export function hinted(): string | null {
  try {
    return localStorage.getItem(HINT);
  } catch {
    return null;
  }
}

function enter({ token, expires_in, user }: Session): void {
  clearTimeout(timer);
  // Half of it for tokens so short that a minute before the end would be at once.
  const early = Math.min(RENEW_BEFORE_MS, (expires_in * 1000) / 2);
  timer = setTimeout(() => void renewQuietly(), expires_in * 1000 - early);
  hint(user.role);
  set({ phase: "in", token, user });
}

function leave(ended: boolean): void {
  clearTimeout(timer);
  hint(null);
  writeLast(null);
  set({ phase: "out", ended });
}

/** Two tabs share the cookie, and each renewal replaces it: one at a time, where the browser can. */
async function exclusively<T>(task: () => Promise<T>): Promise<T> {
  return navigator.locks ? await navigator.locks.request(RENEWAL, task) : await task();
}

async function renewNow(): Promise<void> {
  try {
    const next = await exclusively(() => send<Session>({ method: "POST", path: REFRESH }));
    // Signed out while the answer was under way: it must not sign in again.
    if (state.phase !== "out") enter(next);
  } catch (error) {
    if (error instanceof ApiError && !error.passing) leave(state.phase === "in");
    throw error;
  }
}

/** A new token, one request at a time however many ask. Throws if there is none to be had. */
export function renew(): Promise<void> {
  // Who hears of it late, such as the socket that the server has just closed, has nothing to renew any more.
  if (state.phase === "out") return Promise.reject(new ApiError(401, null, null));
  renewal ??= renewNow().finally(() => {
    renewal = null;
  });
  return renewal;
}

async function renewQuietly(): Promise<void> {
  try {
    await renew();
  } catch {
    if (state.phase === "starting") set({ phase: "away" });
    if (state.phase === "out") return;
    clearTimeout(timer);
    timer = setTimeout(() => void renewQuietly(), RETRY_MS);
  }
}

/** On load; once, whoever asks first. */
export function begin(): void {
  if (begun) return;
  begun = true;
  void start();
}

/** The same, again, when the server was away then. */
export async function start(): Promise<void> {
  if (!hinted()) {
    set({ phase: "out", ended: false });
    return;
  }
  set({ phase: "starting" });
  await renewQuietly();
}

export async function login(body: LoginRequest): Promise<void> {
  enter(await send<Session>({ method: "POST", path: "/api/auth/login", body }));
}

export async function logout(): Promise<void> {
  leave(false);
  tabs?.postMessage("out");
  await send<void>({ method: "POST", path: "/api/auth/logout" });
}

tabs?.addEventListener("message", () => {
  if (state.phase === "in") leave(false);
});

/** What the person has just changed of their own profile. */
export function updateUser(change: Partial<User>): void {
  if (state.phase === "in") set({ ...state, user: { ...state.user, ...change } });
}

if (typeof window !== "undefined")
  window.addEventListener("online", () => {
    if (state.phase === "away") void renewQuietly();
  });

export function getSession(): SessionState {
  return state;
}

export function getToken(): string | null {
  return state.phase === "in" ? state.token : null;
}

export function subscribeSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
