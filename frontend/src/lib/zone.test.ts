import { describe, expect, it } from "vitest";
import {
  addDays,
  addMonths,
  dateOf,
  daysInMonth,
  isDate,
  isMonth,
  localTime,
  offsetMs,
  rfc3339,
  startOfDay,
  startOfWeek,
} from "./zone";

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);

describe("startOfDay", () => {
  it("is local midnight where the offset is a half hour", () => {
    expect(startOfDay("2026-02-01", "Asia/Kolkata")).toBe(at("2026-02-01T00:00:00+05:30"));
  });

  it("makes month edges that UTC does not have", () => {
    expect(rfc3339(startOfDay("2026-01-01", "Asia/Kolkata"))).toBe("2025-12-31T18:30:00Z");
    expect(rfc3339(startOfDay("2026-01-01", "Pacific/Auckland"))).toBe("2025-12-31T11:00:00Z");
    expect(rfc3339(startOfDay("2026-01-01", "America/New_York"))).toBe("2026-01-01T05:00:00Z");
  });

  it("gives days of 23 and 25 hours where clocks change", () => {
    const length = (day: string) =>
      (startOfDay(addDays(day, 1), "Europe/Berlin") - startOfDay(day, "Europe/Berlin")) / HOUR;
    expect(length("2026-03-29")).toBe(23);
    expect(length("2026-10-25")).toBe(25);
    expect(length("2026-06-01")).toBe(24);
  });

  it("begins a day whose midnight is skipped at its first instant", () => {
    expect(rfc3339(startOfDay("2018-11-04", "America/Sao_Paulo"))).toBe("2018-11-04T03:00:00Z");
    expect(dateOf(startOfDay("2018-11-04", "America/Sao_Paulo"), "America/Sao_Paulo")).toBe("2018-11-04");
  });

  it("takes the first of two midnights", () => {
    // Havana goes from 01:00 back to 00:00: the day has two of them.
    expect(rfc3339(startOfDay("2026-11-01", "America/Havana"))).toBe("2026-11-01T04:00:00Z");
  });
});

describe("dateOf", () => {
  it("is the zone's date, not UTC's", () => {
    expect(dateOf(at("2026-01-31T18:29:59Z"), "Asia/Kolkata")).toBe("2026-01-31");
    expect(dateOf(at("2026-01-31T18:30:00Z"), "Asia/Kolkata")).toBe("2026-02-01");
  });

  it("undoes startOfDay", () => {
    for (const zone of ["Asia/Kolkata", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC"])
      for (const day of ["2026-01-01", "2026-03-08", "2026-11-01", "2026-12-31"]) {
        expect(dateOf(startOfDay(day, zone), zone)).toBe(day);
        expect(dateOf(startOfDay(day, zone) - 1, zone)).toBe(addDays(day, -1));
      }
  });
});

describe("calendar", () => {
  it("steps over year ends and leap days", () => {
    expect(addDays("2028-02-28", 1)).toBe("2028-02-29");
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(addMonths("2026-01", -1)).toBe("2025-12");
    expect(addMonths("2026-12", 1)).toBe("2027-01");
    expect(daysInMonth("2028-02")).toBe(29);
    expect(daysInMonth("2026-02")).toBe(28);
  });

  it("begins weeks on Monday", () => {
    expect(startOfWeek("2026-11-24")).toBe("2026-11-23");
    expect(startOfWeek("2026-11-23")).toBe("2026-11-23");
    expect(startOfWeek("2026-11-29")).toBe("2026-11-23");
  });

  it("refuses what only looks like a date", () => {
    expect(isDate("2026-02-30")).toBe(false);
    expect(isDate("2026-2-3")).toBe(false);
    expect(isDate(null)).toBe(false);
    expect(isDate("2026-02-28")).toBe(true);
    expect(isMonth("2026-13")).toBe(false);
    expect(isMonth("2026-12")).toBe(true);
  });

  it("knows offsets before 1970 and between seconds", () => {
    expect(offsetMs(at("2026-01-01T00:00:00.500Z"), "Asia/Kolkata")).toBe(5.5 * HOUR);
  });
});

describe("localTime", () => {
  it("shows the zone's clocks and their offset", () => {
    const at = Date.parse("2026-11-23T18:30:00Z");
    expect(localTime(at, "Asia/Kolkata")).toBe("2026-11-24T00:00:00+05:30");
    expect(localTime(at, "America/New_York")).toBe("2026-11-23T13:30:00-05:00");
  });
});
