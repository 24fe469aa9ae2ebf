import { describe, expect, it } from "vitest";
import {
  alignRows,
  bucketEdges,
  detailIn,
  detailOf,
  neighbour,
  rangeBetween,
  rangeOf,
  spanToLoad,
  step,
} from "./range";
import { rfc3339 } from "./zone";

const KOLKATA = "Asia/Kolkata";
const BERLIN = "Europe/Berlin";
const HOUR = 3_600_000;

describe("rangeOf", () => {
  it("cuts a month at local midnights", () => {
    const range = rangeOf("month", "2026-02-17", KOLKATA);
    expect([rfc3339(range.from), rfc3339(range.to)]).toEqual([
      "2026-01-31T18:30:00Z",
      "2026-02-28T18:30:00Z",
    ]);
    expect(bucketEdges(range.from, range.to, "1d", KOLKATA)).toHaveLength(29);
  });

  it("has a week of seven days though one is short", () => {
    const range = rangeOf("week", "2026-03-29", BERLIN);
    expect(range.first).toBe("2026-03-23");
    expect(bucketEdges(range.from, range.to, "1d", BERLIN)).toHaveLength(8);
    expect((range.to - range.from) / HOUR).toBe(7 * 24 - 1);
  });

  it("has as many hours as the day", () => {
    const hours = (date: string) => {
      const { from, to } = rangeOf("day", date, BERLIN);
      return bucketEdges(from, to, "1h", BERLIN).length - 1;
    };
    expect([hours("2026-03-29"), hours("2026-10-25"), hours("2026-11-24")]).toEqual([23, 25, 24]);
  });

  it("has a year of twelve months, cut where the zone has its midnights", () => {
    const { from, to, first, end } = rangeOf("year", "2026-07-15", BERLIN);
    expect([first, end]).toEqual(["2026-01-01", "2027-01-01"]);
    const edges = bucketEdges(from, to, "1M", BERLIN).map(rfc3339);
    expect(edges).toHaveLength(13);
    expect(edges.slice(2, 5)).toEqual([
      "2026-02-28T23:00:00Z",
      "2026-03-31T22:00:00Z",
      "2026-04-30T22:00:00Z",
    ]);
  });
});

describe("rangeBetween", () => {
  it("has both days, in whichever order they are given", () => {
    const range = rangeBetween("2026-11-10", "2026-11-03", KOLKATA);
    expect([range.first, range.end]).toEqual(["2026-11-03", "2026-11-11"]);
  });

  it("is of whole months when it is very long, so that its bars are whole", () => {
    const range = rangeBetween("2025-03-10", "2026-11-03", KOLKATA);
    expect([range.first, range.end]).toEqual(["2025-03-01", "2026-12-01"]);
    expect(detailIn(range, range.to - range.from).bar).toBe("1M");
  });
});

describe("step and neighbour", () => {
  it("go back over ends of months and years", () => {
    expect(step("day", "2026-03-01", -1)).toBe("2026-02-28");
    expect(step("week", "2026-01-05", -1)).toBe("2025-12-29");
    expect(step("month", "2026-03-31", -1)).toBe("2026-02-01");
    expect(step("year", "2026-03-31", -1)).toBe("2025-01-01");
  });

  it("are as long as what they are beside", () => {
    const before = neighbour(rangeBetween("2026-11-03", "2026-11-10", KOLKATA), -1, KOLKATA);
    expect([before.first, before.end]).toEqual(["2026-10-26", "2026-11-03"]);
    expect(neighbour(rangeOf("month", "2026-03-10", KOLKATA), -1, KOLKATA).first).toBe("2026-02-01");
  });
});

describe("detail", () => {
  it("grows finer with what is looked at", () => {
    expect([6, 24, 25, 24 * 31].map((hours) => detailOf(hours * HOUR).bar)).toEqual([
      "15m",
      "1h",
      "1h",
      "1d",
    ]);
    expect([5, 31].map((days) => detailOf(days * 24 * HOUR, true).point)).toEqual(["1h", "1d"]);
    const quarter = rangeBetween("2026-01-01", "2026-06-30", KOLKATA);
    expect(detailIn(quarter, quarter.to - quarter.from)).toEqual({ bar: "1d", point: "1d" });
    const year = rangeOf("year", "2026-01-01", KOLKATA);
    expect(detailIn(year, year.to - year.from).bar).toBe("1M");
    expect(detailIn(year, 31 * 24 * HOUR).bar).toBe("1d");
  });
});

describe("spanToLoad", () => {
  it("is all of the range, or whole days around the part that is finer", () => {
    const month = rangeOf("month", "2026-11-24", KOLKATA);
    const part = rangeOf("day", "2026-11-01", KOLKATA);
    expect(spanToLoad(month, part, false, KOLKATA)).toEqual({ from: month.from, to: month.to });
    const { from, to } = spanToLoad(month, part, true, KOLKATA);
    // Half a day on either side, but nothing before the month.
    expect([from, to]).toEqual([month.from, rangeOf("day", "2026-11-02", KOLKATA).to]);
  });
});

describe("alignRows", () => {
  it("leaves a hole where a bucket is missing, whatever offset the rows carry", () => {
    const { from, to } = rangeOf("week", "2026-11-24", KOLKATA);
    const starts = bucketEdges(from, to, "1d", KOLKATA).slice(0, -1);
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
