import { serverNow } from "../lib/clock";
import { getLiveState, subscribeLiveState } from "./socket";

/** A connection that comes back at once is not worth a word. */
const PATIENCE_MS = 4000;

let lostAt: number | null = null;
let began: number | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function set(next: number | null): void {
  if (next === lostAt) return;
  lostAt = next;
  for (const listener of listeners) listener();
}

function there(): boolean {
  const { phase } = getLiveState();
  return phase === "off" || phase === "refused" || (phase === "live" && navigator.onLine);
}

function look(): void {
  if (there()) {
    clearTimeout(timer);
    began = null;
    set(null);
  } else if (began === null) {
    const at = serverNow();
    began = at;
    timer = setTimeout(() => set(at), navigator.onLine ? PATIENCE_MS : 0);
  }
}

subscribeLiveState(look);
if (typeof window !== "undefined")
  for (const name of ["online", "offline"]) window.addEventListener(name, look);

/** Since when what is shown may be old: the connection went then and is not back. Null while all is well. */
export function getLost(): number | null {
  return lostAt;
}

export function subscribeLost(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
