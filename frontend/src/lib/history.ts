import type { Aggregate } from "../api/types";

export interface Totals {
  kwh: number;
  /** Buckets that have readings. */
  filled: number;
  peak: { watts: number; at: number } | null;
  volts: { low: number; high: number } | null;
}

export function totals(rows: readonly (Aggregate | null)[]): Totals {
  const result: Totals = { kwh: 0, filled: 0, peak: null, volts: null };
  for (const row of rows) {
    if (!row) continue;
    result.kwh += row.energy_kwh;
    result.filled += 1;
    if (!result.peak || row.power_w_max > result.peak.watts)
      result.peak = { watts: row.power_w_max, at: Date.parse(row.timestamp) };
    const { low, high } = result.volts ?? { low: row.voltage_min, high: row.voltage_max };
    result.volts = { low: Math.min(low, row.voltage_min), high: Math.max(high, row.voltage_max) };
  }
  return result;
}

/** Buckets that have ended, or begun, by now: what is still to come is not missing. */
export function begun(starts: readonly number[], nowMs: number): number {
  return starts.filter((at) => at <= nowMs).length;
}
