import type { DeviceStatus } from "../api/types";

/**
 * What a card may claim about a meter. `silent`: said to be online, but nothing has come for a while.
 * `unsure`: it was online when this page last heard of anything.
 */
export type Presence = "online" | "silent" | "unsure" | "offline" | "never";

const SILENT_AFTER_MS = 5 * 60_000;

export function presence(
  status: DeviceStatus,
  lastSeenMs: number | null,
  nowMs: number,
  lost = false,
): Presence {
  if (status === "never" || lastSeenMs === null) return "never";
  if (status === "offline") return "offline";
  if (lost) return "unsure";
  return nowMs - lastSeenMs > SILENT_AFTER_MS ? "silent" : "online";
}

const steps = [
  [60_000, 1000, "second"],
  [3_600_000, 60_000, "minute"],
  [86_400_000, 3_600_000, "hour"],
  [Number.POSITIVE_INFINITY, 86_400_000, "day"],
] as const;

/** `12 seconds ago`, `3 minutes ago`: rounded down, never fresher than it is by a unit. `justNow` below five seconds. */
export function age(thenMs: number, nowMs: number, language: string, justNow: string): string {
  const old = Math.max(0, nowMs - thenMs);
  if (old < 5000) return justNow;
  const [, unit, name] = steps.find(([limit]) => old < limit) ?? steps[3];
  return new Intl.RelativeTimeFormat(language).format(-Math.floor(old / unit), name);
}
