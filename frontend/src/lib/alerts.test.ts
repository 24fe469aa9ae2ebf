import { afterEach, describe, expect, it } from "vitest";
import type { AlertPage, Device } from "../api/types";
import { chooseLanguage } from "../text/text";
import "../text/alerts";
import * as lib from "./alerts";
import { alertTitle, lasted, lengthOf, matchingMeters, meterMeant, withAlert } from "./alerts";
import { anAlert } from "./alerts.samples";

const place = { locale: "en-IN", timezone: "Asia/Kolkata" };
/** With blanks as they are typed. */
const alertSentence = (...of: Parameters<typeof lib.alertSentence>) =>
  lib.alertSentence(...of).replaceAll("\u00a0", " ");

const hindi = { ...place, locale: "hi-IN" };

describe("a list of alerts", () => {
  const page = (ids: number[], next: string | null = null): AlertPage => ({
    alerts: ids.map((id) => anAlert({ id })),
    next,
  });
  const ids = (pages: AlertPage[]) => pages.map(({ alerts }) => alerts.map(({ id }) => id));

  it("has a new one in front if it fits", () => {
    expect(ids(withAlert([page([5, 4], "c"), page([3])], anAlert({ id: 6 }), { state: "unended" }))).toEqual([
      [6, 5, 4],
      [3],
    ]);
    expect(ids(withAlert([page([])], anAlert({ id: 6 }), {}))).toEqual([[6]]);
  });

  it("leaves one that ended where it is", () => {
    const pages = withAlert([page([5, 4]), page([3])], anAlert({ id: 3, state: "ended" }), {
      state: "unended",
    });
    expect(ids(pages)).toEqual([[5, 4], [3]]);
    expect(pages[1]?.alerts[0]?.state).toBe("ended");
  });

  it.each([
    ["another meter's", anAlert({ id: 9, device_id: "other" }), { device: "meter-001" }],
    ["another kind", anAlert({ id: 9, kind: "silent" }), { kind: "voltage_low" }],
    ["one that is over", anAlert({ id: 9, state: "ended" }), { state: "unended" }],
    ["one of a page that is not loaded", anAlert({ id: 2 }), {}],
  ] as const)("does not take %s", (_, alert, query) => {
    expect(ids(withAlert([page([5, 4], "c")], alert, query))).toEqual([[5, 4]]);
  });
});

describe("what happened", () => {
  afterEach(() => chooseLanguage("en"));

  it("has the figures of its unit", () => {
    expect(alertSentence(anAlert(), place)).toBe("The voltage fell to 198.3 V; the limit is 207.0 V.");
    const budget = anAlert({ kind: "budget_money", value: "150000.00", limit: "150000.00", unit: "INR" });
    expect(alertSentence(budget, place)).toContain("January 2026 has come to ₹1,50,000.00");
    const load = anAlert({ kind: "overload", value: 12500, limit: 5000, unit: "W" });
    expect(alertSentence(load, place)).toBe("The load reached 12.50 kW; the limit is 5,000 W.");
    const silent = anAlert({ kind: "silent", value: 1800, limit: 1800, unit: "s" });
    expect(alertSentence(silent, place)).toContain("for 30 minutes.");
    const reset = anAlert({ kind: "register_reset", value: 0.01, limit: 1234.5, unit: "kWh" });
    expect(alertSentence(reset, place)).toContain("from 1,234.500 kWh back to 0.010 kWh");
  });

  it("counts the days of a certificate, and says when there are none left", () => {
    const ends = (value: number, subject: string | null) =>
      alertSentence(anAlert({ kind: "certificate", unit: "days", limit: 30, value, subject }), place);
    expect(ends(1, "broker")).toBe("The broker’s certificate ends in 1 day.");
    expect(ends(12, null)).toBe("The meter’s certificate ends in 12 days.");
    expect(ends(0, "authority")).toBe("The certificate of the own authority has ended.");
  });

  it("is told in Hindi with its numbers", async () => {
    await chooseLanguage("hi");
    expect(alertTitle("voltage_low")).toBe("वोल्टेज बहुत कम");
    const budget = anAlert({ kind: "budget_energy", value: 123456, limit: 100000, unit: "kWh" });
    expect(alertSentence(budget, hindi)).toBe(
      "जनवरी 2026 में 1,23,456.0 kWh की खपत हो चुकी है; बजट 1,00,000.0 kWh है।",
    );
  });

  it("is told of a kind that is newer than the page", () => {
    const later = anAlert({ kind: "frequency" as "silent", value: 47, limit: 49, unit: "Hz" });
    expect([alertTitle("frequency"), alertSentence(later, place)]).toEqual([
      "frequency",
      "Seen: 47; limit: 49.",
    ]);
  });
});

describe("a length of time", () => {
  it.each([
    [0, "0 seconds"],
    [59, "59 seconds"],
    [60, "1 minute"],
    [3725, "1 hour 2 minutes"],
    [7200, "2 hours"],
    [90_061, "1 day 1 hour"],
  ])("of %i seconds", (seconds, words) => {
    expect(lengthOf(seconds, "en-IN")).toBe(words);
  });

  it("goes to the end, or to now", () => {
    const now = Date.parse("2026-01-29T10:45:00Z");
    expect(lasted(anAlert(), now, "en-IN")).toBe("1 hour");
    expect(lasted(anAlert({ ended_at: "2026-01-29T09:47:30Z" }), now, "en-IN")).toBe("2 minutes 30 seconds");
  });
});

describe("the meter that is meant", () => {
  const meters = [
    { device_id: "m1", name: "Flat 1A" },
    { device_id: "m2", name: "Shop" },
    { device_id: "m3", name: "Shop" },
    { device_id: "m10", name: null },
  ] as Device[];

  it("is one of those that have it in id or name", () => {
    expect(matchingMeters(meters, "m1", 9).map(({ device_id }) => device_id)).toEqual(["m1", "m10"]);
    expect(matchingMeters(meters, " shop", 1).map(({ device_id }) => device_id)).toEqual(["m2"]);
  });

  it("is named by an id, or a name that no other has", () => {
    expect(["m1", "flat 1a", "Shop", "nowhere", ""].map((text) => meterMeant(meters, text))).toEqual([
      "m1",
      "m1",
      "Shop",
      "nowhere",
      "",
    ]);
  });
});
