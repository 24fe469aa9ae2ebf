import { describe, expect, it } from "vitest";
import type { Bill, BillLine, NewTariff } from "../api/types";
import { compareBills } from "./dearer";
import { sum } from "./decimal";

const tariff: NewTariff = {
  name: "LT-1 Domestic",
  effective_from: "2026-01-01",
  slabs: [
    { up_to_kwh: 100, rate: "3.50" },
    { up_to_kwh: 300, rate: "4.50" },
    { up_to_kwh: null, rate: "6.00" },
  ],
  fixed_charge: "50.00",
};

const line = (kind: BillLine["kind"], amount: string): BillLine => ({
  kind,
  name: kind,
  quantity: "1",
  unit: "month",
  rate: amount,
  amount,
});

function bill(kwh: number, total: string, lines: BillLine[], more: Partial<Bill> = {}): Bill {
  const segments = [{ days: 31, consumption_kwh: kwh, month_days: 31 }];
  return { consumption_kwh: kwh, total, lines, segments, ...more } as unknown as Bill;
}

describe("compareBills", () => {
  const october = bill(250, "1259.00", [
    line("energy", "1025.00"),
    line("fixed", "50.00"),
    line("tax", "184.00"),
  ]);

  it("tells use from rate, and the parts add up to the difference", () => {
    // 350 kWh at the old prices: 1550.00; at the new ones 1700.00.
    const november = bill(350, "2124.00", [
      line("energy", "1700.00"),
      line("fixed", "100.00"),
      line("tax", "324.00"),
    ]);
    const { parts, difference } = compareBills(october, november, tariff);
    expect(parts).toEqual([
      { cause: "use", amount: "525.00" },
      { cause: "rate", amount: "150.00" },
      { cause: "tax", amount: "140.00" },
      { cause: "fixed", amount: "50.00" },
    ]);
    expect([difference, sum(parts.map(({ amount }) => amount))]).toEqual(["865.00", "865.00"]);
  });

  it("takes what lines are rounded by for no change of rates", () => {
    // Two lines of energy, each up by half a minor unit: 350 kWh are 1550.00 at the old rates.
    const november = bill(350, "1888.01", [
      line("energy", "1250.01"),
      line("energy", "300.00"),
      line("fixed", "50.00"),
      line("tax", "288.00"),
    ]);
    const { parts } = compareBills(october, november, tariff);
    expect(parts).toContainEqual({ cause: "rounding", amount: "0.01" });
    expect(parts.map(({ cause }) => cause)).not.toContain("rate");
    expect(sum(parts.map(({ amount }) => amount))).toBe("629.01");
  });

  it("goes by the mean price where the tariff is not known, and still adds up", () => {
    const november = bill(200, "1000.03", [
      line("energy", "840.03"),
      line("fixed", "50.00"),
      line("tax", "110.00"),
    ]);
    const { parts, difference } = compareBills(october, november, null);
    // 200 of 250 kWh: 820.00.
    expect(parts.find(({ cause }) => cause === "use")?.amount).toBe("-205.00");
    expect(parts.find(({ cause }) => cause === "rate")?.amount).toBe("20.03");
    expect(sum(parts.map(({ amount }) => amount))).toBe(difference);
  });

  it("names the highest demand, and the day of most use", () => {
    const segments = [{ days: 30, month_days: 30, consumption_kwh: 5, demand: { kw: 3.25 } }] as NonNullable<
      Bill["segments"]
    >;
    const days = [
      { date: "2026-11-13", kwh: 2 },
      { date: "2026-11-14", kwh: 3 },
    ];
    const { after, before, highest } = compareBills(october, bill(5, "1.00", [], { segments, days }), tariff);
    expect([before.kw, after.kw, after.days]).toEqual([null, 3.25, 30]);
    expect(highest).toEqual({ date: "2026-11-14", kwh: 3 });
  });

  it("has nothing to say of a month without use before it", () => {
    const empty = bill(0, "0.00", [], { segments: [] });
    const { parts, highest } = compareBills(empty, october, null);
    expect(parts[0]).toEqual({ cause: "rate", amount: "1025.00" });
    expect(highest).toBeNull();
  });
});
