import type { Aggregate } from "../api/types";
import { daysBetween, type Range } from "./range";
import type { Span } from "./viewport";
import { addDays, dateOf, startOfDay } from "./zone";

/** The same stretch of the period before: of a part of a range, the days as far from its beginning. */
export function priorSpan(span: Span, range: Range, before: Range, zone: string): Span {
  if (span.from === range.from && span.to === range.to) return { from: before.from, to: before.to };
  const days = daysBetween(before.first, range.first);
  const back = (at: number) => startOfDay(addDays(dateOf(at, zone), -days), zone);
  return { from: back(span.from), to: back(span.to) };
}

export interface Difference {
  kwh: number;
  before: number;
  /** In per cent of before; null if there was nothing. */
  percent: number | null;
}

/**
 * Like with like: bucket by bucket as far as time has come, of the one that is not over the part that has
 * passed. A period before that is longer (31 days, then 30) counts whole once this one is over.
 */
export function difference(
  edges: readonly number[],
  rows: readonly (Aggregate | null)[],
  before: readonly (Aggregate | null)[],
  now: number,
): Difference {
  let [kwh, prior] = [0, 0];
  const last = edges.length - 2;
  for (let i = 0; i <= last; i += 1) {
    const [at, end] = [edges[i] ?? 0, edges[i + 1] ?? 0];
    if (at >= now) break;
    kwh += rows[i]?.energy_kwh ?? 0;
    prior += (before[i]?.energy_kwh ?? 0) * Math.min(1, (now - at) / (end - at));
    if (i === last && end <= now) for (const row of before.slice(last + 1)) prior += row?.energy_kwh ?? 0;
  }
  return { kwh, before: prior, percent: prior > 0 ? ((kwh - prior) / prior) * 100 : null };
}
