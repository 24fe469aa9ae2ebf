import { scaled } from "./money";
import { isDate, type LocalDate, rfc3339, startOfDay } from "./zone";

/** Above zero, and with no more decimals than the currency has. */
export function goodAmount(text: string, digits: number): boolean {
  const minor = scaled(text.trim(), digits);
  return minor !== null && minor > 0n;
}

/**
 * When a payment of that day holds: noon there, or, earlier on that same day, now. Null: it is no day,
 * or a day to come.
 */
export function receivedAt(day: string, now: number, today: LocalDate, zone: string): string | null {
  if (!isDate(day) || day > today) return null;
  return rfc3339(Math.min(startOfDay(day, zone) + 12 * 3_600_000, now));
}

/** Names a request once and for all. Also where the page came without TLS, and `randomUUID` is not there. */
export function newRequestKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
