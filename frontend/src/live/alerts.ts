import type { Alert } from "../api/types";

type Listener = (alert: Alert) => void;

const listeners = new Set<Listener>();

/** An alert was opened, acknowledged or ended: all that shows alerts hears of it. */
export function putAlert(alert: Alert): void {
  for (const listener of listeners) listener(alert);
}

export function subscribeAlerts(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What had begun so long before it was seen is no news: the server sends no message of it either. */
const STALE_MS = 6 * 3_600_000;

function isNews({ state, opened_at, found_at }: Alert): boolean {
  return state === "open" && Date.parse(found_at) - Date.parse(opened_at) < STALE_MS;
}

/** What is to be told: opened since somebody last looked, and still so. The newest last. */
export function told(before: readonly Alert[], alert: Alert): readonly Alert[] {
  const others = before.filter(({ id }) => id !== alert.id);
  if (isNews(alert)) return [...others, alert];
  return others.length === before.length ? before : others;
}
