import type { Aggregate } from "../api/types";
import type { Span } from "./viewport";

export interface Totals {
  kwh: number;
  /** Buckets with readings; a gap's have their share of the use, but no power or voltage. */
  filled: number;
  peak: { watts: number; at: number } | null;
  volts: { low: number; high: number } | null;
}

export function totals(rows: readonly (Aggregate | null)[]): Totals {
  const result: Totals = { kwh: 0, filled: 0, peak: null, volts: null };
  for (const row of rows) {
    if (!row) continue;
    result.kwh += row.energy_kwh;
    const { power_w_max: watts, voltage_min: lowest, voltage_max: highest } = row;
    if (row.count === 0 || watts === null || lowest === null || highest === null) continue;
    result.filled += 1;
    if (!result.peak || watts > result.peak.watts) result.peak = { watts, at: Date.parse(row.timestamp) };
    const { low, high } = result.volts ?? { low: lowest, high: highest };
    result.volts = { low: Math.min(low, lowest), high: Math.max(high, highest) };
  }
  return result;
}

/** The buckets that are in sight: those whose middle is. */
export function inSight(edges: readonly number[], { from, to }: Span): [first: number, end: number] {
  const middle = (i: number) => ((edges[i] ?? 0) + (edges[i + 1] ?? 0)) / 2;
  let [first, end] = [0, Math.max(0, edges.length - 1)];
  while (first < end && middle(first) < from) first += 1;
  while (end > first && middle(end - 1) > to) end -= 1;
  return [first, end];
}

/** Buckets that have ended, or begun, by now: what is still to come is not missing. */
export function begun(starts: readonly number[], nowMs: number): number {
  return starts.filter((at) => at <= nowMs).length;
}
