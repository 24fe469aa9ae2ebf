import { describe, expect, it } from "vitest";
import type { Aggregate } from "../api/types";
import { begun, inSight, totals } from "./history";

const row = (timestamp: string, energy_kwh: number, power_w_max: number): Aggregate => ({
  timestamp,
  energy_kwh,
  power_w_avg: 100,
  power_w_max,
  voltage_min: 220 + energy_kwh,
  voltage_avg: 230,
  voltage_max: 240 + energy_kwh,
  count: 6,
});

describe("totals", () => {
  it("sums what is there and finds the peak", () => {
    const rows = [
      row("2026-11-24T00:00:00+05:30", 1.5, 900),
      null,
      row("2026-11-24T02:00:00+05:30", 0.5, 2100),
    ];
    expect(totals(rows)).toEqual({
      kwh: 2,
      filled: 2,
      peak: { watts: 2100, at: Date.parse("2026-11-23T20:30:00Z") },
      volts: { low: 220.5, high: 241.5 },
    });
  });

  it("counts what was used in a gap, and makes up no power for it", () => {
    const gap: Aggregate = {
      timestamp: "2026-11-24T01:00:00+05:30",
      energy_kwh: 0.25,
      power_w_avg: null,
      power_w_max: null,
      voltage_min: null,
      voltage_avg: null,
      voltage_max: null,
      count: 0,
    };
    expect(totals([gap])).toEqual({ kwh: 0.25, filled: 0, peak: null, volts: null });
  });

  it("claims nothing of nothing", () => {
    expect(totals([null, null])).toEqual({ kwh: 0, filled: 0, peak: null, volts: null });
  });
});

describe("begun", () => {
  it("does not count what is still to come", () => {
    expect(begun([0, 10, 20, 30], 20)).toBe(3);
  });
});

describe("inSight", () => {
  it("has the buckets whose middle is", () => {
    const edges = [0, 10, 20, 30, 40];
    expect(inSight(edges, { from: 0, to: 40 })).toEqual([0, 4]);
    expect(inSight(edges, { from: 6, to: 26 })).toEqual([1, 3]);
    expect(inSight(edges, { from: 50, to: 60 })).toEqual([4, 4]);
    expect(inSight([], { from: 0, to: 1 })).toEqual([0, 0]);
  });
});
