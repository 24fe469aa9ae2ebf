import type { Bucket } from "../api/types";
import { addDays, addMonths, daysInMonth, type LocalDate, monthOf, startOfDay, startOfWeek } from "./zone";

export type View = "day" | "week" | "month";

export interface Range {
  view: View;
  /** First local day, and the first one after. */
  first: LocalDate;
  end: LocalDate;
  from: number;
  to: number;
  /** Width of an energy bar. */
  bucket: Extract<Bucket, "1h" | "1d">;
}

/** The day, the week from Monday or the month that a date lies in. */
export function rangeOf(view: View, date: LocalDate, zone: string): Range {
  const first = view === "day" ? date : view === "week" ? startOfWeek(date) : `${monthOf(date)}-01`;
  const end = step(view, first, 1);
  return {
    view,
    first,
    end,
    from: startOfDay(first, zone),
    to: startOfDay(end, zone),
    bucket: view === "day" ? "1h" : "1d",
  };
}

/** The same view, one or more steps on; a month keeps to its first day. */
export function step(view: View, date: LocalDate, by: number): LocalDate {
  if (view === "day") return addDays(date, by);
  if (view === "week") return addDays(date, 7 * by);
  return `${addMonths(monthOf(date), by)}-01`;
}

const HOUR = 3_600_000;

/** Starts of all buckets, with or without data, so that a gap shows as a gap. */
export function bucketStarts(range: Range, zone: string, widthMs = HOUR): number[] {
  if (range.view !== "day") {
    const days = range.view === "week" ? 7 : daysInMonth(monthOf(range.first));
    return Array.from({ length: days }, (_, i) => startOfDay(addDays(range.first, i), zone));
  }
  const starts: number[] = [];
  for (let at = range.from; at < range.to; at += widthMs) starts.push(at);
  return starts;
}

/** Puts rows into their buckets by start; a bucket without a row is null. */
export function alignRows<T extends { timestamp: string }>(
  starts: number[],
  rows: readonly T[],
): (T | null)[] {
  const byStart = new Map(rows.map((row) => [Date.parse(row.timestamp), row]));
  return starts.map((at) => byStart.get(at) ?? null);
}
