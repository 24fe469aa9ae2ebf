import { describe, expect, it } from "vitest";
import { localInstant } from "./local-time";

describe("a time as the clocks of a zone show it", () => {
  it("is an instant", () => {
    const at = localInstant("2026-03-01T09:30", "Asia/Kolkata") ?? "";
    expect(Date.parse(at)).toBe(Date.parse("2026-03-01T04:00:00Z"));
  });

  it("is right on both sides of a change of the clocks", () => {
    const at = (text: string) => Date.parse(localInstant(text, "Europe/Berlin") ?? "");
    expect(at("2026-03-29T01:59")).toBe(Date.parse("2026-03-29T00:59:00Z"));
    expect(at("2026-03-29T03:01")).toBe(Date.parse("2026-03-29T01:01:00Z"));
  });

  it("is nothing where none was typed", () => {
    expect(localInstant("", "Asia/Kolkata")).toBeNull();
    expect(localInstant("soon", "Asia/Kolkata")).toBeNull();
  });
});
