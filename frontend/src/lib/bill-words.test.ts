import { afterEach, describe, expect, it } from "vitest";
import { chooseLanguage } from "../text/text";
import { editWords, eventWords, explanations, kindWords, lineName, unitWords } from "./bill-words";

const ZONE = "Asia/Kolkata";
const LOCALE = "en-IN";

describe("explanations", () => {
  it("prefers what the server says", () => {
    const at = "2026-11-10T00:00:00+05:30";
    const said = {
      reason: "register_reset",
      device_id: "meter-004",
      at,
      text: "meter-004 was reset on 10 November.",
    };
    const words = explanations(
      { reasons: ["register_reset", "meter_gap"], explanations: [said] },
      ZONE,
      LOCALE,
    );
    expect(words).toEqual([
      "meter-004 was reset on 10 November.",
      "For more than an hour no meter was there to measure.",
    ]);
  });

  it("makes something of a code that is new", () => {
    expect(explanations({ reasons: ["phase_of_moon"] }, ZONE, LOCALE)).toEqual(["Phase of moon."]);
    expect(eventWords("swap")).toBe("Meter swapped");
  });
});

describe("editWords", () => {
  it("says what was done, and when the meter overruled it", () => {
    expect(editWords({ kind: "void", believed: true })).toBe("Reading not used");
    expect(editWords({ kind: "manual", believed: false })).toBe("Read by hand (the meter says otherwise)");
  });
});

describe("lineName", () => {
  it("keeps what the server and the tariff call a line", () => {
    for (const name of ["0-100 kWh", "over 300 kWh", "Fixed charge", "GST", "Wheeling"])
      expect(lineName(name, LOCALE)).toBe(name);
    expect(lineName("Correction of 2026-10", LOCALE)).toBe("Correction of October 2026");
    expect(lineName("GST, correction of 2026-10", LOCALE)).toBe("GST, correction of October 2026");
  });
});

describe("in Hindi", () => {
  afterEach(() => chooseLanguage("en"));

  it("says what the printed bill says", async () => {
    await chooseLanguage("hi");
    expect(lineName("over 300 kWh", "hi-IN")).toBe("300 kWh से अधिक");
    expect(lineName("GST, correction of 2026-10", "hi-IN")).toBe("GST, अक्टूबर 2026 का सुधार");
    expect([kindWords("fixed"), unitWords("month"), unitWords("kWh")]).toEqual(["स्थायी शुल्क", "माह", "kWh"]);
  });

  it("explains in its own words, with the meter and the time", async () => {
    await chooseLanguage("hi");
    const said = { reason: "meter_gap", device_id: "meter-004", at: "2026-11-10T00:00:00+05:30", text: "…" };
    const [words] = explanations({ reasons: ["meter_gap"], explanations: [said] }, ZONE, "hi-IN");
    expect(words).toMatch(/^कुछ समय तक कोई मीटर नहीं था.*\(meter-004, 10 नव.* 2026.*00:00\)$/);
  });
});
