import { describe, expect, it } from "vitest";
import { type UtilityDraft, utilityFaults, utilityOf } from "./utility";

const draft: UtilityDraft = {
  supplier: " BESCOM ",
  number: "77/1",
  from: "2026-01-01",
  to: "2026-01-31",
  kwh: "901.5",
  amount: "6300.00",
  tax: "",
  mainMeter: "",
  split: "use",
  tariff: "",
};

describe("a supplier's bill", () => {
  it("ends on its last day, where the API wants the one after", () => {
    expect(utilityOf(draft)).toEqual({
      supplier: "BESCOM",
      number: "77/1",
      from: "2026-01-01",
      to: "2026-02-01",
      kwh: 901.5,
      amount: "6300.00",
      split: "use",
    });
    expect(utilityOf({ ...draft, tax: "567.01", mainMeter: "main", tariff: "LT-1" })).toMatchObject({
      tax: "567.01",
      main_meter: "main",
      tariffs: ["LT-1"],
    });
  });

  it("wants numbers where numbers stand", () => {
    expect(utilityFaults(draft, 2)).toEqual([]);
    expect(utilityFaults({ ...draft, kwh: "9,1", amount: "1.005", tax: "-1" }, 2)).toEqual([
      "kwh",
      "amount",
      "tax",
    ]);
  });
});
