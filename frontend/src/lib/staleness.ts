import type { DeviceStatus } from "../api/types";

/** What a card may claim about a meter. `silent`: said to be online, but nothing has come for a while. */
export type Presence = "online" | "silent" | "offline" | "never";

const SILENT_AFTER_MS = 5 * 60_000;

export function presence(status: DeviceStatus, lastSeenMs: number | null, nowMs: number): Presence {
  if (status === "never" || lastSeenMs === null) return "never";
  if (status === "offline") return "offline";
  return nowMs - lastSeenMs > SILENT_AFTER_MS ? "silent" : "online";
}

export const presenceLabel: Record<Presence, string> = {
  online: "Online",
  silent: "Silent",
  offline: "Offline",
  never: "Never seen",
};

const steps: [limit: number, unit: number, name: string][] = [
  [60_000, 1000, "second"],
  [3_600_000, 60_000, "minute"],
  [86_400_000, 3_600_000, "hour"],
  [Number.POSITIVE_INFINITY, 86_400_000, "day"],
];

/** `just now`, `12 seconds ago`, `3 minutes ago`: rounded down, never fresher than it is by a unit. */
export function ago(thenMs: number, nowMs: number): string {
  const age = Math.max(0, nowMs - thenMs);
  if (age < 5000) return "just now";
  for (const [limit, unit, name] of steps) {
    if (age < limit) {
      const count = Math.floor(age / unit);
      return `${count} ${name}${count === 1 ? "" : "s"} ago`;
    }
  }
  return "long ago";
}

/** What stands under a card's name. */
export function lastSeen(lastSeenMs: number | null, nowMs: number): string {
  return lastSeenMs === null ? "No reading yet" : `Last seen ${ago(lastSeenMs, nowMs)}`;
}
