import { clockTime, dayName, shortDay } from "./format";
import type { Range } from "./range";
import { dateOf } from "./zone";

/** What a bucket is called on the axis, and in full. */
export interface Bucket {
  at: number;
  short: string;
  long: string;
}

export function hourBuckets(
  starts: readonly number[],
  widthMs: number,
  zone: string,
  locale: string,
): Bucket[] {
  return starts.map((at) => {
    const short = clockTime(at, zone, locale);
    return { at, short, long: `${short} – ${clockTime(at + widthMs, zone, locale)}` };
  });
}

export function dayBuckets(starts: readonly number[], range: Range, zone: string, locale: string): Bucket[] {
  return starts.map((at) => {
    const date = dateOf(at, zone);
    const short = range.view === "week" ? shortDay(date, locale) : String(Number(date.slice(8)));
    return { at, short, long: dayName(date, locale) };
  });
}
