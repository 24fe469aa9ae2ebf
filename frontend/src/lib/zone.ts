/**
 * Calendar arithmetic in the deployment's zone, which need not be the browser's. A `LocalDate` is
 * `YYYY-MM-DD` and a `LocalMonth` `YYYY-MM`: both compare and sort as text.
 */
export type LocalDate = string;
export type LocalMonth = string;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, format);
  }
  return format;
}

/** What the zone's clocks show at an instant, written as if it were UTC. */
function wallMs(instant: number, zone: string): number {
  const part: Record<string, number> = {};
  for (const { type, value } of wallClock(zone).formatToParts(instant)) part[type] = Number(value);
  return Date.UTC(
    part.year ?? 0,
    (part.month ?? 1) - 1,
    part.day ?? 1,
    part.hour ?? 0,
    part.minute ?? 0,
    part.second ?? 0,
  );
}

export function offsetMs(instant: number, zone: string): number {
  return wallMs(instant, zone) - Math.floor(instant / 1000) * 1000;
}

function parse(date: LocalDate): number {
  return Date.parse(`${date}T00:00:00Z`);
}

function iso(utc: number): LocalDate {
  return new Date(utc).toISOString().slice(0, 10);
}

/**
 * The instant at which a local day begins. Where clocks skip midnight that is the first instant that
 * carries the date, so the guess is tried with the offsets on both sides of it.
 */
export function startOfDay(date: LocalDate, zone: string): number {
  const wall = parse(date);
  const before = wall - offsetMs(wall - DAY, zone);
  const after = wall - offsetMs(wall + DAY, zone);
  const candidates = [Math.min(before, after), Math.max(before, after)];
  for (const at of candidates) if (wallMs(at, zone) === wall) return at;
  // Midnight was skipped: the change itself lies between the two guesses.
  let [low, high] = [candidates[0] ?? before, candidates[1] ?? after];
  while (high - low > MINUTE) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
    if (wallMs(middle, zone) < wall) low = middle;
    else high = middle;
  }
  return high;
}

export function dateOf(instant: number, zone: string): LocalDate {
  return iso(wallMs(instant, zone));
}

export function monthOf(date: LocalDate): LocalMonth {
  return date.slice(0, 7);
}

export function addDays(date: LocalDate, days: number): LocalDate {
  return iso(parse(date) + days * DAY);
}

export function addMonths(month: LocalMonth, months: number): LocalMonth {
  const at = new Date(parse(`${month}-01`));
  at.setUTCMonth(at.getUTCMonth() + months);
  return at.toISOString().slice(0, 7);
}

export function daysInMonth(month: LocalMonth): number {
  return Math.round((parse(`${addMonths(month, 1)}-01`) - parse(`${month}-01`)) / DAY);
}

/** Dates compare as text. */
export function earlier(a: LocalDate, b: LocalDate): LocalDate {
  if (a < b) return a;
  return b;
}

/** Weeks begin on Monday, as ISO 8601 has it. */
export function startOfWeek(date: LocalDate): LocalDate {
  const weekday = (new Date(parse(date)).getUTCDay() + 6) % 7;
  return addDays(date, -weekday);
}

export function isDate(text: string | null): text is LocalDate {
  return (
    text !== null &&
    /^\d{4}-\d{2}-\d{2}$/.test(text) &&
    !Number.isNaN(parse(text)) &&
    iso(parse(text)) === text
  );
}

export function isMonth(text: string | null): text is LocalMonth {
  return text !== null && /^\d{4}-(0[1-9]|1[0-2])$/.test(text);
}

/** RFC 3339 in UTC, to the second: what goes into a query. */
export function rfc3339(instant: number): string {
  return new Date(instant).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** The same instant as the zone's own clocks show it, with their offset: `2026-11-24T00:00:00+05:30`. */
export function localTime(instant: number, zone: string): string {
  const minutes = Math.round(offsetMs(instant, zone) / MINUTE);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  const wall = new Date(instant + minutes * MINUTE).toISOString().slice(0, 19);
  return `${wall}${minutes < 0 ? "-" : "+"}${two(hours)}:${two(rest)}`;
}
