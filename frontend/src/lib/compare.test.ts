import { describe, expect, it } from "vitest";
import type { Aggregate } from "../api/types";
import { difference, priorSpan } from "./compare";
import { neighbour, rangeOf } from "./range";

const ZONE = "Asia/Kolkata";
const rows = (...kwh: (number | null)[]) =>
  kwh.map((energy_kwh) => (energy_kwh === null ? null : ({ energy_kwh } as Aggregate)));

describe("difference", () => {
  it("counts of the bucket that is not over what has passed of it", () => {
    // Two hours and a quarter of the third.
    const result = difference([0, 100, 200, 300], rows(1, 1, 0.5), rows(2, 2, 4), 225);
    expect(result).toEqual({ kwh: 2.5, before: 5, percent: -50 });
  });

  it("counts all of a longer period before, once this one is over", () => {
    expect(difference([0, 100, 200], rows(1, 2), rows(1, 1, 1), 200).before).toBe(3);
    expect(difference([0, 100, 200], rows(1, 2), rows(1, 1, 1), 199).before).toBeCloseTo(1.99);
  });

  it("makes no per cent of nothing", () => {
    expect(difference([0, 100], rows(1), rows(null), 100)).toEqual({ kwh: 1, before: 0, percent: null });
  });
});

describe("priorSpan", () => {
  const november = rangeOf("month", "2026-11-24", ZONE);
  const october = neighbour(november, -1, ZONE);

  it("is all of the month before for all of a month, and the same days for some of it", () => {
    expect(priorSpan(november, november, october, ZONE)).toEqual({ from: october.from, to: october.to });
    const day = rangeOf("day", "2026-11-14", ZONE);
    expect(priorSpan(day, november, october, ZONE).from).toBe(rangeOf("day", "2026-10-14", ZONE).from);
  });
});
