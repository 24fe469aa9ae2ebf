import { describe, expect, it } from "vitest";
import contract from "../../../contracts/openapi.json";
import type { AlertLimits } from "../api/types";
import { ALERT_KINDS } from "./alerts";
import { draftOf, LIMIT_FIELDS, limitFault, limitsOf, limitWords } from "./limits";

const otherwise: AlertLimits = {
  silent: { enabled: true, after_s: 1800, clear_s: 60 },
  voltage_low: { enabled: true, below_v: 207, hysteresis_v: 4.6, for_s: 60, clear_s: 60 },
  night_baseload: { enabled: false },
  budget_money: { enabled: true, month_total: null },
};

describe("the form of limits", () => {
  it("has every limit that the API has", () => {
    const kinds = contract.components.schemas.AlertLimits.properties;
    expect([...ALERT_KINDS].sort()).toEqual(Object.keys(kinds).sort());
    for (const kind of ALERT_KINDS)
      expect([kind, ...LIMIT_FIELDS[kind].map(({ name }) => name)].sort()).toEqual(
        [kind, ...Object.keys(kinds[kind].properties).filter((name) => name !== "enabled")].sort(),
      );
  });

  it("is empty where nothing is given, and has minutes for seconds", () => {
    const draft = draftOf({ silent: { after_s: 90 }, voltage_low: { enabled: false } }, otherwise);
    expect(draft.text["silent.after_s"]).toBe("1.5");
    expect(draft.text["voltage_low.below_v"]).toBe("");
    expect([draft.on.silent, draft.on.voltage_low, draft.on.night_baseload]).toEqual([true, false, false]);
  });

  it("gives back what it was made of", () => {
    const given: AlertLimits = {
      silent: { after_s: 90, clear_s: 0 },
      voltage_low: { enabled: false, below_v: 200.5 },
      odd_hours: { above_w: 500, from: "22:00", to: "06:00" },
      budget_money: { month_total: "1500.00" },
      night_baseload: { enabled: true },
    };
    const { limits, faults } = limitsOf(draftOf(given, otherwise), otherwise);
    expect(limits).toEqual(given);
    expect(faults.size).toBe(0);
  });

  it("keeps no word that changes nothing", () => {
    const draft = draftOf({ voltage_low: { enabled: true } }, otherwise);
    expect(limitsOf(draft, otherwise).limits).toEqual({});
  });

  it("sends no text as a number, and leaves money to the server", () => {
    const draft = draftOf({}, otherwise);
    draft.text["voltage_low.below_v"] = "2O7";
    draft.text["silent.after_s"] = "1,5";
    draft.text["budget_money.month_total"] = "a lot";
    const { limits, faults } = limitsOf(draft, otherwise);
    expect([...faults].sort()).toEqual(["silent.after_s", "voltage_low.below_v"]);
    expect(limits).toEqual({ budget_money: { month_total: "a lot" } });
  });
});

describe("words of limits", () => {
  it.each([
    [1800, "min", "30 minutes"],
    [207, "V", "207 V"],
    [4.6, "V", "4.6 V"],
    [50, "%", "50 %"],
    ["150000.00", "money", "₹1,50,000.00"],
    ["05:00", "clock", "05:00"],
    [3000, "W", "3,000 W"],
    [null, "W", null],
  ] as const)("%s %s", (value, unit, words) => {
    expect(limitWords(value, unit, "INR", "en-IN")).toBe(words);
  });

  it("tell the server's range in the form's unit", () => {
    const said = "must be a number from 60 to 604800, of at most 3 decimals";
    expect(limitFault(said, "min", "en-IN")).toEqual({ key: "range", from: "1", to: "10,080" });
    expect(limitFault(said, "V", "en-IN")).toEqual({ key: "range", from: "60", to: "6,04,800" });
  });

  it("know the server's other messages, and leave those that are new", () => {
    expect(limitFault("must be below voltage_high.above_v, hysteresis included", "V", "en")).toEqual({
      key: "belowHigh",
    });
    expect(limitFault("must be prime", "V", "en")).toBeNull();
  });
});
