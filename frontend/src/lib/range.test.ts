import { describe, expect, it } from "vitest";
import { alignRows, bucketStarts, rangeOf, step } from "./range";
import { rfc3339 } from "./zone";

const KOLKATA = "Asia/Kolkata";

describe("rangeOf", () => {
  it("cuts a month at local midnights", () => {
    const range = rangeOf("month", "2026-02-17", KOLKATA);
    expect([rfc3339(range.from), rfc3339(range.to)]).toEqual([
      "2026-01-31T18:30:00Z",
      "2026-02-28T18:30:00Z",
    ]);
    expect(bucketStarts(range, KOLKATA)).toHaveLength(28);
    expect(range.bucket).toBe("1d");
  });

  it("has a week of seven days though one is short", () => {
    const range = rangeOf("week", "2026-03-29", "Europe/Berlin");
    expect(range.first).toBe("2026-03-23");
    expect(bucketStarts(range, "Europe/Berlin")).toHaveLength(7);
    expect((range.to - range.from) / 3_600_000).toBe(7 * 24 - 1);
  });

  it("has as many hours as the day", () => {
    const hours = (date: string) =>
      bucketStarts(rangeOf("day", date, "Europe/Berlin"), "Europe/Berlin").length;
    expect([hours("2026-03-29"), hours("2026-10-25"), hours("2026-11-24")]).toEqual([23, 25, 24]);
  });
});

describe("step", () => {
  it("goes back over ends of months and years", () => {
    expect(step("day", "2026-03-01", -1)).toBe("2026-02-28");
    expect(step("week", "2026-01-05", -1)).toBe("2025-12-29");
    expect(step("month", "2026-03-31", -1)).toBe("2026-02-01");
  });
});

describe("alignRows", () => {
  it("leaves a hole where a bucket is missing, whatever offset the rows carry", () => {
    const starts = bucketStarts(rangeOf("week", "2026-11-24", KOLKATA), KOLKATA);
    const rows = [{ timestamp: "2026-11-24T00:00:00+05:30" }, { timestamp: "2026-11-25T18:30:00Z" }];
    expect(alignRows(starts, rows).map((row) => row !== null)).toEqual([
      false,
      true,
      false,
      true,
      false,
      false,
      false,
    ]);
  });
});
