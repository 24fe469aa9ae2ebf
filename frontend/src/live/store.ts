import type { Reading } from "../api/types";

/** A point of a card's line of power. */
export interface TrailPoint {
  at: number;
  watts: number;
}

export interface LiveReadingState {
  reading: Reading;
  at: number;
  trail: readonly TrailPoint[];
}

const TRAIL_MS = 30 * 60_000;

const byDevice = new Map<string, LiveReadingState>();
const listeners = new Map<string, Set<() => void>>();
const anyListeners = new Set<() => void>();
const changed = new Set<string>();
let scheduled = false;
let version = 0;

function flush(): void {
  scheduled = false;
  version += 1;
  for (const id of changed) for (const listener of listeners.get(id) ?? []) listener();
  changed.clear();
  for (const listener of anyListeners) listener();
}

/** A burst of readings costs one render a frame, and only of the cards that they are for. */
function announce(id: string): void {
  changed.add(id);
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(flush);
}

/** A newer reading moves the card; a late one only ever fills history, which the charts load. */
export function putReading(reading: Reading): void {
  const at = Date.parse(reading.timestamp);
  const known = byDevice.get(reading.device_id);
  if (Number.isNaN(at) || (known && at <= known.at)) return;
  const trail = (known?.trail ?? []).filter((point) => at - point.at < TRAIL_MS);
  byDevice.set(reading.device_id, { reading, at, trail: [...trail, { at, watts: reading.power_w }] });
  announce(reading.device_id);
}

export function getLive(id: string): LiveReadingState | undefined {
  return byDevice.get(id);
}

export function liveVersion(): number {
  return version;
}

export function subscribeLive(id: string, listener: () => void): () => void {
  const set = listeners.get(id) ?? new Set();
  listeners.set(id, set.add(listener));
  return () => {
    set.delete(listener);
    if (set.size === 0) listeners.delete(id);
  };
}

export function subscribeAnyLive(listener: () => void): () => void {
  anyListeners.add(listener);
  return () => anyListeners.delete(listener);
}

/** Somebody else may sign in next. */
export function clearLive(): void {
  for (const id of byDevice.keys()) changed.add(id);
  byDevice.clear();
  flush();
}
