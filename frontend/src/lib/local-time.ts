import { offsetMs, rfc3339 } from "./zone";

/** `2026-03-01T09:30` as the clocks of a zone show it, as an instant; null if it is none. */
export function localInstant(text: string, zone: string): string | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(text)) return null;
  const utc = Date.parse(`${text}Z`);
  if (Number.isNaN(utc)) return null;
  // The offset there is asked for twice: near a change of the clocks the first guess is of the wrong side.
  const guess = utc - offsetMs(utc, zone);
  return rfc3339(utc - offsetMs(guess, zone));
}
