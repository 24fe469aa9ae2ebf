import { describe, expect, it } from "vitest";
import { joinTrail, spark } from "./spark";

const MINUTE = 60_000;
const now = Date.parse("2026-11-24T12:00:00Z");
const points = (...minutesAgo: number[]) => minutesAgo.map((m) => ({ at: now - m * MINUTE, watts: 100 * m }));

describe("spark", () => {
  it("breaks the line where nothing was read", () => {
    const drawn = spark(points(20, 19, 10, 9), now, 30 * MINUTE);
    expect(drawn?.line.match(/M/g)).toHaveLength(2);
    expect(drawn?.area.match(/Z/g)).toHaveLength(2);
    expect([drawn?.low, drawn?.high]).toEqual([900, 2000]);
  });

  it("draws nothing of one point or of what is long past", () => {
    expect(spark(points(1), now, 30 * MINUTE)).toBeNull();
    expect(spark(points(50, 40), now, 30 * MINUTE)).toBeNull();
  });

  it("stands a meter without load on the ground", () => {
    const idle = [2, 1].map((m) => ({ at: now - m * MINUTE, watts: 0 }));
    expect(spark(idle, now, 30 * MINUTE)?.line).toBe("M280.0 42.0L290.0 42.0");
  });
});

describe("joinTrail", () => {
  it("takes live points over loaded ones of the same time", () => {
    const joined = joinTrail(points(5, 4, 3, 2), points(3, 2.5, 1));
    expect(joined.map((point) => (now - point.at) / MINUTE)).toEqual([5, 4, 3, 2.5, 1]);
  });

  it("does not let a lone last reading cut what was loaded", () => {
    const joined = joinTrail(points(5, 4, 3), points(4.5));
    expect(joined.map((point) => (now - point.at) / MINUTE)).toEqual([5, 4, 3]);
  });
});
