import { describe, expect, it } from "vitest";
import type { Tariff } from "../api/types";
import { draftOf, emptyDraft, faultsOf, holidaysOf, tariffOf, withSlab } from "./tariff-draft";

const full: Tariff = {
  name: "LT-2",
  version: 3,
  effective_from: "2026-01-01",
  slabs: [
    { up_to_kwh: 100.5, rate: "3.50" },
    { up_to_kwh: null, rate: "6.00" },
  ],
  slab_mode: "whole_use",
  prorate_slabs: true,
  fixed_charge: "50.00",
  fixed_per_kw: "20.00",
  minimum_charge: "100.00",
  time_of_day: [{ name: "Peak", from: "18:00", to: "22:00", days: ["mon", "holiday"], percent: "20" }],
  holidays: ["2026-01-26"],
  demand: { rate_per_kw: "150", window_minutes: 15 },
  surcharges: [
    { name: "Fuel", per_kwh: "-0.35" },
    { name: "Wheeling", percent: "2.5" },
  ],
  taxes: [
    { name: "GST", percent: "18" },
    { name: "Duty", percent: "9", on: ["energy"] },
  ],
  round_total_to: "1.00",
};

describe("a draft", () => {
  it("of a version makes the same version again", () => {
    const { version: _, ...rest } = full;
    expect(tariffOf(draftOf(full, "2026-01-01"))).toEqual(rest);
    expect(faultsOf(draftOf(full, "2026-01-01"))).toEqual({});
  });

  it("names what is wrong by the API's own paths", () => {
    const draft = draftOf(full, "2026-02-30");
    draft.name = " ";
    draft.slabs = [
      { key: 1, upTo: "100", rate: "3,50" },
      { key: 2, upTo: "100", rate: "-1" },
      { key: 3, upTo: "", rate: "" },
    ];
    draft.windows = [{ key: 4, name: "Peak", from: "18:10", to: "24:00", days: [], percent: "-100.5" }];
    draft.holidays = "2026-01-26 tomorrow";
    draft.taxes = [{ key: 5, name: "GST", percent: "1.1234567", on: [] }];
    expect(faultsOf(draft)).toEqual({
      name: "needed",
      effective_from: "dateForm",
      "slabs[0].rate": "decimalForm",
      "slabs[1].up_to_kwh": "boundOrder",
      "slabs[1].rate": "negative",
      "slabs[2].rate": "needed",
      "time_of_day[0].from": "timeForm",
      "time_of_day[0].percent": "percentLeast",
      holidays: "holidayForm",
      "taxes[0].percent": "decimalForm",
    });
  });

  it("that is empty needs a name and a rate", () => {
    expect(faultsOf(emptyDraft("2026-02-01"))).toEqual({ name: "needed", "slabs[0].rate": "needed" });
  });

  it("gets a slab before the last, which stays open", () => {
    const draft = withSlab(draftOf(full, "2026-01-01"));
    expect(draft.slabs.map(({ upTo }) => upTo)).toEqual(["100.5", "", ""]);
    expect(draft.slabs.map(({ rate }) => rate)).toEqual(["3.50", "6.00", "6.00"]);
  });

  it("has each holiday once, in order", () => {
    expect(holidaysOf("2026-08-15, 2026-01-26\n2026-08-15")).toEqual(["2026-01-26", "2026-08-15"]);
  });
});
