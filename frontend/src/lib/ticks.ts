import { clockTime, shortDay, shortMonth } from "./format";
import type { Span } from "./viewport";
import { addDays, addMonths, dateOf, monthOf, startOfDay } from "./zone";

export interface Tick {
  at: number;
  label: string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The first of some steps that gives no more than `most` of them. */
function stepFor(span: number, unit: number, steps: readonly number[], most: number): number {
  return steps.find((step) => span / (step * unit) <= most) ?? steps.at(-1) ?? 1;
}

/** Marks at even times of the zone's clocks and calendar, at most about `most`: minutes, hours, days or months. */
export function ticksOf({ from, to }: Span, most: number, zone: string, locale: string): Tick[] {
  const span = to - from;
  const ticks: Tick[] = [];
  if (span <= 2.5 * DAY) {
    const minutes = stepFor(span, MINUTE, [5, 15, 30, 60, 120, 180, 360, 720], most);
    for (let day = dateOf(from, zone); startOfDay(day, zone) < to; day = addDays(day, 1)) {
      const [begin, end] = [startOfDay(day, zone), startOfDay(addDays(day, 1), zone)];
      for (let at = begin; at < end; at += minutes * MINUTE)
        if (at >= from && at <= to)
          ticks.push({
            at,
            label: at === begin && span > DAY * 1.1 ? shortDay(day, locale) : clockTime(at, zone, locale),
          });
    }
    return ticks;
  }
  if (span <= 100 * DAY) {
    const days = stepFor(span, DAY, [1, 2, 5, 10, 15], most);
    for (let day = dateOf(from, zone); startOfDay(day, zone) < to; day = addDays(day, 1)) {
      const number = Number(day.slice(8));
      // Of a month's days the first, and from there every so many; the last of them not close to the next first.
      const marked = (number - 1) % days === 0 && (days === 1 || number <= 31 - days / 2);
      const at = startOfDay(day, zone);
      if (marked && at >= from)
        ticks.push({ at, label: span <= 15 * DAY ? shortDay(day, locale) : String(number) });
    }
    return ticks;
  }
  const months = stepFor(span, 30.5 * DAY, [1, 2, 3, 6, 12], most);
  for (
    let month = monthOf(dateOf(from, zone));
    startOfDay(`${month}-01`, zone) < to;
    month = addMonths(month, 1)
  ) {
    const at = startOfDay(`${month}-01`, zone);
    if ((Number(month.slice(5)) - 1) % months === 0 && at >= from)
      ticks.push({ at, label: shortMonth(month, locale) });
  }
  return ticks;
}
