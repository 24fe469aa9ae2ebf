import { describe, expect, it } from "vitest";
import {
  formatDecimal,
  formatMoney,
  formatRate,
  minorDigits,
  scaled,
  sumMoney,
  trimDecimal,
  unscaled,
} from "./money";

describe("formatMoney", () => {
  it("groups as the locale does", () => {
    expect(formatMoney("1888.00", "INR", "en-IN")).toBe("₹1,888.00");
    expect(formatMoney("12345678.90", "INR", "en-IN")).toBe("₹1,23,45,678.90");
  });

  it("is exact where a float is not", () => {
    expect(formatMoney("9007199254740993.01", "EUR", "en-GB")).toBe("€9,007,199,254,740,993.01");
    expect(formatMoney("0.1", "EUR", "en-GB")).toBe("€0.10");
  });

  it("keeps credits negative", () => {
    expect(formatMoney("-12.50", "INR", "en-IN")).toBe("-₹12.50");
  });

  it("knows currencies without minor units", () => {
    expect(formatMoney("1200", "JPY", "en-GB")).toBe("JP¥1,200");
  });

  it("shows what it can't read as it came", () => {
    expect(formatMoney("n/a", "INR", "en-IN")).toBe("n/a");
    expect(formatMoney("1e3", "INR", "en-IN")).toBe("1e3");
  });
});

describe("formatRate", () => {
  it("never drops a place", () => {
    expect(formatRate("3.50", "INR", "en-IN")).toBe("₹3.50");
    expect(formatRate("3.505125", "INR", "en-IN")).toBe("₹3.505125");
    expect(formatRate("4", "INR", "en-IN")).toBe("₹4.00");
  });
});

describe("formatDecimal and trimDecimal", () => {
  it("keep what the string says", () => {
    expect(formatDecimal("1234.500", "en-GB")).toBe("1,234.500");
    expect(trimDecimal("18.00")).toBe("18");
    expect(trimDecimal("2.50")).toBe("2.5");
    expect(trimDecimal("100")).toBe("100");
  });
});

describe("integers", () => {
  it("come from decimal strings and go back", () => {
    expect(scaled("3.5", 6)).toBe(3_500_000n);
    expect(scaled("-0.05", 2)).toBe(-5n);
    expect(scaled("1.005", 2)).toBeNull();
    expect(scaled("1e3", 2)).toBeNull();
    expect([unscaled(-5n, 2), unscaled(350n, 2), unscaled(7n, 0)]).toEqual(["-0.05", "3.50", "7"]);
  });

  it("are of the currency's smallest unit", () => {
    expect([minorDigits("INR"), minorDigits("JPY"), minorDigits("KWD")]).toEqual([2, 0, 3]);
    expect(sumMoney(["0.10", "0.20", "-0.05"], "INR")).toBe("0.25");
  });
});
