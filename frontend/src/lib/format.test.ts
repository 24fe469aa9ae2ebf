import { describe, expect, it } from "vitest";
import {
  clockTime,
  daySpan,
  energy,
  localeFor,
  monthName,
  plainWords,
  power,
  register,
  shortDay,
} from "./format";

describe("numbers", () => {
  it("show power in the unit that reads best", () => {
    expect(power(3.456, "en-IN")).toEqual({ value: "3.5", unit: "W" });
    expect(power(628.99, "en-IN")).toEqual({ value: "629", unit: "W" });
    expect(power(9999.4, "en-IN")).toEqual({ value: "9,999", unit: "W" });
    expect(power(9999.5, "en-IN")).toEqual({ value: "10.00", unit: "kW" });
  });

  it("show energy and registers", () => {
    expect(energy(4.126, "en-IN")).toBe("4.13 kWh");
    expect(energy(350, "en-IN")).toBe("350.0 kWh");
    expect(register(1350, "en-IN")).toBe("1,350.000 kWh");
    expect(register(null, "en-IN")).toBe("—");
  });
});

describe("Hindi", () => {
  it("groups by lakh, in the figures that everybody reads", () => {
    expect(register(1234567.5, "hi-IN")).toBe("12,34,567.500 kWh");
    expect(monthName("2026-01", "hi-IN")).toBe("जनवरी 2026");
  });
});

describe("dates", () => {
  it("stay what they are wherever the browser is", () => {
    expect(shortDay("2026-11-24", "en-GB")).toBe("Tue 24");
    expect(monthName("2026-01", "en-GB")).toBe("January 2026");
    // Which blanks stand around the dash is the ICU version's business.
    expect(daySpan("2026-11-23", "2026-11-30", "en-GB").replace(/\s*–\s*/, "–")).toBe("23–29 Nov 2026");
  });

  it("read the clock of the deployment's zone", () => {
    expect(clockTime(Date.parse("2026-11-24T18:30:00Z"), "Asia/Kolkata", "en-GB")).toBe("00:00");
  });
});

describe("words", () => {
  it("keep numbers and words in one language", () => {
    expect(localeFor("INR", "en", "de-DE")).toBe("en-IN");
    expect(localeFor("EUR", "en", "de-DE")).toBe("en-GB");
    expect(localeFor("USD", "en", "en-US")).toBe("en-US");
    expect(localeFor("EUR", "hi", "en-US")).toBe("hi-IN");
  });

  it("make something of an unknown code", () => {
    expect(plainWords("gap_at_end")).toBe("Gap at end");
    expect(plainWords("not_json")).toBe("Not JSON");
    expect(plainWords("not_utf8")).toBe("Not UTF-8");
  });
});
