import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Bill, NewTariff } from "../api/types";
import { divide } from "./decimal";
import { unscaled } from "./money";
import { curveSteps, monthPrice, priceCurve, slabParts } from "./price";

const domestic: NewTariff = {
  name: "LT-1 Domestic",
  effective_from: "2026-01-01",
  slabs: [
    { up_to_kwh: 100, rate: "3.50" },
    { up_to_kwh: 300, rate: "4.50" },
    { up_to_kwh: null, rate: "6.00" },
  ],
  slab_mode: "telescopic",
  fixed_charge: "50.00",
  taxes: [{ name: "GST", percent: "18" }],
  prorate_slabs: false,
  rebill: false,
  round_total_to: "0.01",
};

interface Case {
  input: { sanctioned_load_kw?: number; currency: string; tariffs: { tariff: NewTariff }[] };
  bill: Bill;
}

const folder = new URL("../../../contracts/bills/", import.meta.url);
const bills = readdirSync(folder).map((name) => ({
  name,
  case: JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Case,
}));

/** Whole months that one version prices, whatever the time of the day. */
const plain = bills.filter(({ case: { input, bill } }) => {
  const segment = bill.segments?.[0];
  const tariff = input.tariffs[0]?.tariff;
  return (
    segment !== undefined &&
    tariff !== undefined &&
    bill.segments?.length === 1 &&
    segment.days === segment.month_days &&
    !bill.projection &&
    bill.consumption_kwh >= 0 &&
    !tariff.time_of_day &&
    !tariff.demand &&
    bill.lines.every(({ kind }) => kind !== "true_up")
  );
});

describe("monthPrice", () => {
  it("has enough of the server's own examples to be held against", () => {
    expect(plain.length).toBeGreaterThan(10);
  });

  for (const { name, case: example } of plain)
    it(`is the server's bill in ${name}`, () => {
      const { input, bill } = example;
      const tariff = input.tariffs[0]?.tariff;
      if (!tariff) throw new Error("no tariff");
      const price = monthPrice(tariff, bill.consumption_kwh, 2, input.sanctioned_load_kw);
      expect(unscaled(price.total, 2)).toBe(bill.total);
      expect(unscaled(price.tax, 2)).toBe(bill.tax);
    });
});

describe("slabs", () => {
  it("keep their upper bound", () => {
    expect(slabParts(domestic.slabs, "telescopic", 100_000n)).toEqual([100_000n, 0n, 0n]);
    expect(slabParts(domestic.slabs, "telescopic", 100_001n)).toEqual([100_000n, 1n, 0n]);
    expect(slabParts(domestic.slabs, "whole_use", 300_000n)).toEqual([0n, 300_000n, 0n]);
    expect(slabParts(domestic.slabs, "whole_use", 300_001n)).toEqual([0n, 0n, 300_001n]);
    expect(slabParts(domestic.slabs, "whole_use", 0n)).toEqual([0n, 0n, 0n]);
  });
});

describe("rounding", () => {
  it("is half away from zero", () => {
    expect([divide(5n, 10n), divide(-5n, 10n), divide(4n, 10n), divide(-14n, 10n)]).toEqual([
      1n,
      -1n,
      0n,
      -1n,
    ]);
  });
});

describe("the curve", () => {
  it("reaches past the last bound in even steps", () => {
    expect(curveSteps(domestic.slabs)).toHaveLength(24);
    expect(curveSteps(domestic.slabs).at(-1)).toBe(460);
    expect(curveSteps([{ up_to_kwh: null, rate: "1" }]).at(-1)).toBe(500);
  });

  it("says what a month costs and what one more unit would", () => {
    const at = (kwh: number) => priceCurve(domestic, 2).find((point) => point.kwh === kwh);
    expect(at(0)).toEqual({ kwh: 0, total: "59.00", next: "4.13" });
    expect(at(100)).toEqual({ kwh: 100, total: "472.00", next: "5.31" });
    expect(at(300)).toEqual({ kwh: 300, total: "1534.00", next: "7.08" });
  });

  it("jumps where all use takes the rate of the slab that it ends in", () => {
    const whole = priceCurve({ ...domestic, slab_mode: "whole_use" }, 2);
    // 101 kWh at 4.50 instead of 100 at 3.50, and tax.
    expect(whole.find(({ kwh }) => kwh === 100)?.next).toBe("123.31");
  });
});
