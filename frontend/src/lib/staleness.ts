import type { DeviceStatus } from "../api/types";
import { language, words } from "../text/text";

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

/** `just now`, `12 seconds ago`, `3 minutes ago`: rounded down, never fresher than it is by a unit. */
export function ago(thenMs: number, nowMs: number): string {
  const age = Math.max(0, nowMs - thenMs);
  if (age < 5000) return words("common")("justNow");
  const [, unit, name] = steps.find(([limit]) => age < limit) ?? steps[3];
  return new Intl.RelativeTimeFormat(language()).format(-Math.floor(age / unit), name);
}

/** What stands under a card's name. */
export function lastSeen(lastSeenMs: number | null, nowMs: number): string {
  const t = words("meter");
  return lastSeenMs === null ? t("noReading") : t("lastSeen", { ago: ago(lastSeenMs, nowMs) });
}
