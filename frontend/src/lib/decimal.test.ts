import { describe, expect, it } from "vitest";
import {
  decimal,
  divide,
  micro,
  multiply,
  percentOf,
  signOf,
  size,
  subtract,
  sum,
  wattHours,
} from "./decimal";

describe("decimal strings", () => {
  it("are read and written exactly", () => {
    expect(micro("3.505125")).toBe(3_505_125n);
    expect(micro("-0.5")).toBe(-500_000n);
    expect(decimal(micro("9007199254740993.01"))).toBe("9007199254740993.01");
    expect(decimal(micro("-0.05"))).toBe("-0.05");
    expect(decimal(micro("1200"), 0)).toBe("1200");
  });

  it("are refused when they are none", () => {
    for (const text of ["", "1e3", "1.", "+1", "1.2345678"]) expect(() => micro(text)).toThrow(RangeError);
  });

  it("are rounded half away from zero, on both sides of it", () => {
    expect(decimal(micro("225.225"))).toBe("225.23");
    expect(decimal(micro("-225.225"))).toBe("-225.23");
    expect([divide(-5n, 2n), divide(5n, -2n), divide(4n, 3n)]).toEqual([-3n, -3n, 1n]);
  });

  it("are added and compared", () => {
    expect(subtract("1888.00", "1675.82")).toBe("212.18");
    expect(subtract("0.10", "0.30")).toBe("-0.20");
    expect(sum(["0.1", "0.25", "-1"])).toBe("-0.65");
    expect(sum([])).toBe("0");
    expect([signOf("-0.01"), signOf("0.00"), signOf("2")]).toEqual([-1, 0, 1]);
    expect(size("-0.20")).toBe("0.20");
  });

  it("are multiplied", () => {
    expect(decimal(percentOf(micro("1600.00"), "18"))).toBe("288.00");
    expect(decimal(multiply(micro("1.5"), micro("2.5")))).toBe("3.75");
    expect(wattHours(1.0005)).toBe(1001n);
  });
});
