import { describe, expect, it } from "vitest";
import { goodAmount, receivedAt } from "./payment";

const zone = "Asia/Kolkata";
const now = Date.parse("2026-02-15T04:00:00Z");

describe("a payment", () => {
  it("is above zero, in the currency's decimals", () => {
    expect(["1", "0.01", " 12.50 "].map((text) => goodAmount(text, 2))).toEqual([true, true, true]);
    expect(["", "0", "0.00", "-1", "1.001", "1,000", "x"].map((text) => goodAmount(text, 2))).toEqual(
      Array(7).fill(false),
    );
    expect(goodAmount("1.5", 0)).toBe(false);
  });

  it("holds from noon of its day, and never from a time to come", () => {
    expect(receivedAt("2026-02-14", now, "2026-02-15", zone)).toBe("2026-02-14T06:30:00Z");
    expect(receivedAt("2026-02-15", now, "2026-02-15", zone)).toBe("2026-02-15T04:00:00Z");
    expect(receivedAt("2026-02-16", now, "2026-02-15", zone)).toBeNull();
    expect(receivedAt("2026-02-30", now, "2026-02-15", zone)).toBeNull();
  });
});
