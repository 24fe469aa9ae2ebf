import { describe, expect, it } from "vitest";
import { editWords, eventWords, explanations } from "./bill-words";

describe("explanations", () => {
  it("prefers what the server says", () => {
    const at = "2026-11-10T00:00:00+05:30";
    const said = {
      reason: "register_reset",
      device_id: "meter-004",
      at,
      text: "meter-004 was reset on 10 November.",
    };
    const words = explanations({ reasons: ["register_reset", "meter_gap"], explanations: [said] });
    expect(words).toEqual([
      "meter-004 was reset on 10 November.",
      "For more than an hour no meter was there to measure.",
    ]);
  });

  it("makes something of a code that is new", () => {
    expect(explanations({ reasons: ["phase_of_moon"] })).toEqual(["Phase of moon."]);
    expect(eventWords("swap")).toBe("Meter swapped");
  });
});

describe("editWords", () => {
  it("says what was done, and when the meter overruled it", () => {
    expect(editWords({ kind: "void", believed: true })).toBe("Reading not used");
    expect(editWords({ kind: "manual", believed: false })).toBe("Read by hand (the meter says otherwise)");
  });
});
