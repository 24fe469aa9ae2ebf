import type { Bucket } from "../api/types";
import type { Span } from "./viewport";
import {
  addDays,
  addMonths,
  dateOf,
  type LocalDate,
  type LocalMonth,
  monthOf,
  startOfDay,
  startOfWeek,
} from "./zone";

export const VIEWS = ["day", "week", "month", "year", "any"] as const;
export type View = (typeof VIEWS)[number];
export type Width = Extract<Bucket, "1m" | "15m" | "1h" | "1d" | "1M">;

export interface Range {
  view: View;
  /** First local day, and the first one after. */
  first: LocalDate;
  end: LocalDate;
  from: number;
  to: number;
}

/** How wide a bar of energy is, and a point of power and voltage. */
export interface Detail {
  bar: Width;
  point: Width;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** More days than this are shown by whole months. */
const DAYS_SHOWN = 400;

function spanOf(view: View, first: LocalDate, end: LocalDate, zone: string): Range {
  return { view, first, end, from: startOfDay(first, zone), to: startOfDay(end, zone) };
}

/** The day, the week from Monday, the month or the year that a date lies in. */
export function rangeOf(view: Exclude<View, "any">, date: LocalDate, zone: string): Range {
  const first = firstOf(view, date);
  return spanOf(view, first, step(view, first, 1), zone);
}

/** From one day to another, both of them included, whichever comes first; by whole months if it is very long. */
export function rangeBetween(a: LocalDate, b: LocalDate, zone: string): Range {
  let [first, last] = a < b ? [a, b] : [b, a];
  let end = addDays(last, 1);
  if (daysBetween(first, end) > DAYS_SHOWN) {
    first = `${monthOf(first)}-01`;
    last = `${addMonths(monthOf(last), 1)}-01`;
    end = last;
  }
  return spanOf("any", first, end, zone);
}

function firstOf(view: Exclude<View, "any">, date: LocalDate): LocalDate {
  if (view === "day") return date;
  if (view === "week") return startOfWeek(date);
  return view === "month" ? `${monthOf(date)}-01` : `${date.slice(0, 4)}-01-01`;
}

export function daysBetween(first: LocalDate, end: LocalDate): number {
  return Math.round((Date.parse(`${end}T00:00:00Z`) - Date.parse(`${first}T00:00:00Z`)) / DAY);
}

/** The same view, one or more steps on; a month and a year keep to their first day. */
export function step(view: Exclude<View, "any">, date: LocalDate, by: number): LocalDate {
  if (view === "day") return addDays(date, by);
  if (view === "week") return addDays(date, 7 * by);
  return view === "month"
    ? `${addMonths(monthOf(date), by)}-01`
    : `${addMonths(monthOf(date), 12 * by).slice(0, 4)}-01-01`;
}

/** The range as long as this one that ends where it begins, or begins where it ends. */
export function neighbour(range: Range, by: -1 | 1, zone: string): Range {
  if (range.view !== "any") return rangeOf(range.view, step(range.view, range.first, by), zone);
  const days = daysBetween(range.first, range.end) * by;
  return spanOf("any", addDays(range.first, days), addDays(range.end, days), zone);
}

/** As fine as a screen can show: of what is looked at, not of all that there is. */
export function detailOf(spanMs: number, narrow = false): Detail {
  if (spanMs <= 6 * HOUR) return { bar: "15m", point: "1m" };
  // A day may have 25 hours.
  if (spanMs <= 2.1 * DAY) return { bar: "1h", point: "15m" };
  // On a phone a month of hours is a smear.
  if (spanMs <= 100 * DAY) return { bar: "1d", point: narrow && spanMs > 10 * DAY ? "1d" : "1h" };
  return { bar: "1M", point: "1d" };
}

/** A range that is neither a year nor very long has days for bars, though they be many. */
export function detailIn(range: Range, spanMs: number, narrow = false): Detail {
  const detail = detailOf(spanMs, narrow);
  const months = range.view === "year" || daysBetween(range.first, range.end) > DAYS_SHOWN;
  return detail.bar === "1M" && !months ? { ...detail, bar: "1d" } : detail;
}

/**
 * What to ask for so that a part of a range can be shown, and moved a little: all of the range while its
 * buckets are as wide, else whole days around the part.
 */
export function spanToLoad(range: Range, part: Span, finer: boolean, zone: string): Span {
  if (!finer) return { from: range.from, to: range.to };
  const around = (part.to - part.from) / 2;
  const first = dateOf(Math.max(range.from, part.from - around), zone);
  const last = dateOf(Math.min(range.to, part.to + around) - 1, zone);
  return { from: startOfDay(first, zone), to: startOfDay(addDays(last, 1), zone) };
}

const fixed: Partial<Record<Width, number>> = { "1m": MINUTE, "15m": 15 * MINUTE, "1h": HOUR };

/** Edges of all buckets, with or without data, so that a gap shows as a gap: one more than there are buckets. */
export function bucketEdges(from: number, to: number, width: Width, zone: string): number[] {
  const edges: number[] = [];
  const ms = fixed[width];
  if (ms) {
    for (let at = from; at < to; at += ms) edges.push(at);
  } else if (width === "1d") {
    for (let day = dateOf(from, zone); startOfDay(day, zone) < to; day = addDays(day, 1))
      edges.push(startOfDay(day, zone));
  } else {
    let month: LocalMonth = monthOf(dateOf(from, zone));
    for (; startOfDay(`${month}-01`, zone) < to; month = addMonths(month, 1))
      edges.push(startOfDay(`${month}-01`, zone));
  }
  edges.push(to);
  return edges;
}

/** Puts rows into their buckets by start; a bucket without a row is null. */
export function alignRows<T extends { timestamp: string }>(
  starts: readonly number[],
  rows: readonly T[],
): (T | null)[] {
  const byStart = new Map(rows.map((row) => [Date.parse(row.timestamp), row]));
  return starts.map((at) => byStart.get(at) ?? null);
}
