import { clockTime, dayName, daySpan, mediumDay, monthName } from "./format";
import type { Range, Width } from "./range";
import { dateOf, monthOf } from "./zone";

/** What a bucket is called in full. Within a single day its clock times are enough. */
export function bucketName(
  at: number,
  end: number,
  width: Width,
  zone: string,
  locale: string,
  oneDay: boolean,
): string {
  if (width === "1M") return monthName(monthOf(dateOf(at, zone)), locale);
  if (width === "1d") return dayName(dateOf(at, zone), locale);
  const times = `${clockTime(at, zone, locale)} – ${clockTime(end, zone, locale)}`;
  return oneDay ? times : `${mediumDay(dateOf(at, zone), locale)}, ${times}`;
}

/** What a range is called. */
export function rangeName(range: Range, locale: string): string {
  if (range.view === "day") return dayName(range.first, locale);
  if (range.view === "month") return monthName(monthOf(range.first), locale);
  if (range.view === "year") return range.first.slice(0, 4);
  return daySpan(range.first, range.end, locale);
}
