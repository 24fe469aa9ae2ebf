import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Bill, NewTariff } from "../api/types";
import { decimal, micro } from "./decimal";
import { energyCost, partPrice, placeOf, slabPlace, unitPrice, withExtras } from "./slab";

const example: NewTariff = {
  name: "LT-1 Domestic",
  effective_from: "2026-01-01",
  slabs: [
    { up_to_kwh: 100, rate: "3.50" },
    { up_to_kwh: 300, rate: "4.50" },
    { up_to_kwh: null, rate: "6.00" },
  ],
  fixed_charge: "50.00",
  taxes: [{ name: "GST", percent: "18" }],
};
const at = (kwh: number) => ({ usedWh: BigInt(Math.round(kwh * 1000)), days: 1, monthDays: 1 });

describe("slabPlace", () => {
  it("gives a bound to its own slab, and prices what follows by the next", () => {
    expect(slabPlace(example, at(99.999))).toMatchObject({ index: 0, rate: "3.50", next: { leftWh: 1n } });
    expect(slabPlace(example, at(100))).toMatchObject({ index: 1, rate: "4.50", next: { leftWh: 200_000n } });
    expect(slabPlace(example, at(300.001))).toEqual({ index: 2, rate: "6.00", next: null });
  });

  it("says what all use becomes dearer by, where the last slab prices all of it", () => {
    const whole: NewTariff = { ...example, slab_mode: "whole_use" };
    expect(decimal(slabPlace(whole, at(50)).next?.jump ?? 0n)).toBe("100.00");
    expect(slabPlace(example, at(50)).next?.jump).toBe(0n);
  });

  it("shrinks bounds with the days where they are prorated", () => {
    const bill = {
      consumption_kwh: 200,
      segments: [
        { consumption_kwh: 20, days: 15, month_days: 31 },
        { consumption_kwh: 50, days: 16, month_days: 31 },
      ],
    } as unknown as Bill;
    const place = placeOf(bill, { ...example, prorate_slabs: true });
    // 100 × 16 / 31, as in the worked example of docs/billing.md.
    expect(slabPlace(example, place).next?.boundWh).toBe(51_613n);
    expect(placeOf(bill, example).usedWh).toBe(200_000n);
  });
});

describe("energyCost", () => {
  it("is that of the contract's example", () => {
    expect(decimal(energyCost(example, at(350), 0n, 350_000n))).toBe("1550.00");
    expect(decimal(withExtras(example, micro("1550"), 350_000n))).toBe("1829.00");
  });

  it("agrees with every bill of contracts/bills that has one tariff", () => {
    const folder = new URL("../../../contracts/bills/", import.meta.url);
    let compared = 0;
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".json"))) {
      const { input, bill } = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as {
        input: { tariffs: { tariff: NewTariff }[] };
        bill: Bill;
      };
      const tariff = input.tariffs[0]?.tariff;
      if (!tariff || input.tariffs.length > 1 || bill.segments?.length !== 1) continue;
      const place = placeOf(bill, tariff);
      const lines = bill.lines.filter(({ kind }) => kind === "energy");
      const billed = lines.reduce((total, { amount }) => total + micro(amount), 0n);
      const off = energyCost(tariff, place, 0n, place.usedWh) - billed;
      // Each line is rounded once, to half a minor unit at most.
      expect([name, off <= 5000n * BigInt(lines.length) && off >= -5000n * BigInt(lines.length)]).toEqual([
        name,
        true,
      ]);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(25);
  });
});

describe("unitPrice", () => {
  it("has the surcharges and taxes that go with energy", () => {
    expect(decimal(unitPrice(example, at(350)))).toBe("7.08");
    const more: NewTariff = {
      ...example,
      surcharges: [
        { name: "Fuel", per_kwh: "0.35" },
        { name: "Levy", percent: "2.5" },
      ],
      taxes: [
        { name: "Duty", percent: "9", on: ["energy"] },
        { name: "GST", percent: "18" },
      ],
    };
    // 6.00 + 0.35 + 0.15 = 6.50; duty 0.54; GST 1.17.
    expect(decimal(unitPrice(more, at(350)))).toBe("8.21");
    // 20 % more in the evening: 7.20 + 0.35 + 0.18 = 7.73; duty 0.54; GST 1.3914.
    expect(decimal(unitPrice(more, at(350), "20"), 4)).toBe("9.6614");
  });
});

describe("partPrice", () => {
  it("prices the last of the use, over the bound that it crossed", () => {
    // 4 kWh at 6.00 and 6 at 4.50, with 18 %.
    expect(decimal(partPrice(example, at(304), 10_000n))).toBe("60.18");
    expect(decimal(partPrice(example, at(4), 10_000n))).toBe("16.52");
  });
});
