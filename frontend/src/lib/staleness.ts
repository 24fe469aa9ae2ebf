import { language, words } from "../text/text";
import { age } from "./presence";

export { type Presence, presence } from "./presence";

/** `just now`, `12 seconds ago`, `3 minutes ago`. */
export function ago(thenMs: number, nowMs: number): string {
  return age(thenMs, nowMs, language(), words("common")("justNow"));
}

/** What stands under a card's name. */
export function lastSeen(lastSeenMs: number | null, nowMs: number): string {
  const t = words("meter");
  return lastSeenMs === null ? t("noReading") : t("lastSeen", { ago: ago(lastSeenMs, nowMs) });
}
