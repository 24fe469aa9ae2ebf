import { describe, expect, it } from "vitest";
import { rangeOf } from "./range";
import { ticksOf } from "./ticks";

const ZONE = "Asia/Kolkata";
const labels = (view: "day" | "week" | "month" | "year", most: number) =>
  ticksOf(rangeOf(view, "2026-11-24", ZONE), most, ZONE, "en-GB").map(({ label }) => label);

describe("ticksOf", () => {
  it("marks even hours of the zone's own clock", () => {
    expect(labels("day", 6)).toEqual(["00:00", "06:00", "12:00", "18:00"]);
    expect(labels("day", 12)).toHaveLength(12);
  });

  it("marks days, and fewer of them where there is less room", () => {
    expect(labels("week", 8)[0]).toBe("Mon 23");
    expect(labels("week", 8)).toHaveLength(7);
    expect(labels("month", 31)).toHaveLength(30);
    expect(labels("month", 7)).toEqual(["1", "6", "11", "16", "21", "26"]);
  });

  it("marks months", () => {
    expect(labels("year", 12)).toHaveLength(12);
    expect(labels("year", 5)).toEqual(["Jan", "Apr", "Jul", "Oct"]);
  });

  it("marks minutes when it is close", () => {
    const from = Date.parse("2026-11-24T10:00:00+05:30");
    const marks = ticksOf({ from, to: from + 3_600_000 }, 5, ZONE, "en-GB");
    expect(marks.map(({ label }) => label)).toEqual(["10:00", "10:15", "10:30", "10:45", "11:00"]);
  });

  it("keeps to midnights over a change of clocks", () => {
    const from = Date.parse("2026-10-24T00:00:00+02:00");
    const marks = ticksOf({ from, to: from + 49 * 3_600_000 }, 4, "Europe/Berlin", "en-GB");
    expect(
      marks.filter(({ label }) => /^\D/.test(label)).map(({ at }) => new Date(at).toISOString()),
    ).toEqual(["2026-10-23T22:00:00.000Z", "2026-10-24T22:00:00.000Z"]);
  });
});
