import { describe, expect, it } from "vitest";
import type { Tariff } from "../api/types";
import { inForce, slabName, tariffTerms } from "./tariff";

const tariff: Tariff = {
  name: "LT-1 Domestic",
  version: 1,
  effective_from: "2026-01-01",
  slabs: [
    { up_to_kwh: 100, rate: "3.50" },
    { up_to_kwh: 300, rate: "4.50" },
    { up_to_kwh: null, rate: "6.00" },
  ],
  fixed_charge: "50.00",
  taxes: [{ name: "GST", percent: "18" }],
};

describe("slabName", () => {
  it("names slabs as bills do", () => {
    expect(tariff.slabs.map((_, i) => slabName(tariff.slabs, i))).toEqual([
      "0–100 kWh",
      "100–300 kWh",
      "Over 300 kWh",
    ]);
    expect(slabName([{ up_to_kwh: null, rate: "5" }], 0)).toBe("Every kWh");
  });
});

describe("inForce", () => {
  const at = (version: number, effective_from: string): Tariff => ({ ...tariff, version, effective_from });
  const versions = [at(1, "2026-01-01"), at(3, "2026-11-24"), at(2, "2026-11-24"), at(4, "2027-01-01")];

  it("is the latest that has begun", () => {
    expect(inForce(versions, "2026-11-23")?.version).toBe(1);
    expect(inForce(versions, "2026-11-24")?.version).toBe(3);
    expect(inForce(versions, "2025-12-31")).toBeNull();
  });
});

describe("tariffTerms", () => {
  it("lists what is there, and nothing that is not", () => {
    expect(tariffTerms(tariff, "INR", "en-IN")).toEqual([
      ["Fixed charge a month", "₹50.00"],
      ["GST", "18 %"],
    ]);
  });
});
