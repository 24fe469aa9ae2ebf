import { describe, expect, it } from "vitest";
import { isWhole, pan, pinch, zoom } from "./viewport";

const HOUR = 3_600_000;
const day = { from: 0, to: 24 * HOUR };

describe("zoom", () => {
  it("keeps what is under the pointer there", () => {
    expect(zoom(day, day, 0.5, 6 * HOUR)).toEqual({ from: 3 * HOUR, to: 15 * HOUR });
    expect(zoom(day, day, 0.5, 24 * HOUR)).toEqual({ from: 12 * HOUR, to: 24 * HOUR });
  });

  it("ends at the range, and at half an hour", () => {
    expect(isWhole(zoom({ from: HOUR, to: 20 * HOUR }, day, 4, 2 * HOUR), day)).toBe(true);
    const close = zoom(day, day, 0.0001, 12 * HOUR);
    expect(close.to - close.from).toBe(HOUR / 2);
    const short = { from: 0, to: 600_000 };
    expect(zoom(short, short, 0.1, 0)).toEqual(short);
  });
});

describe("pan", () => {
  it("keeps its length, and stays in the range", () => {
    const part = { from: 6 * HOUR, to: 12 * HOUR };
    expect(pan(part, day, 3 * HOUR)).toEqual({ from: 9 * HOUR, to: 15 * HOUR });
    expect(pan(part, day, 99 * HOUR)).toEqual({ from: 18 * HOUR, to: 24 * HOUR });
    expect(pan(part, day, -99 * HOUR)).toEqual({ from: 0, to: 6 * HOUR });
    expect(pan(day, day, HOUR)).toEqual(day);
  });
});

describe("pinch", () => {
  it("spreads two fingers to half the time, and moves with them", () => {
    expect(pinch(day, day, [10 * HOUR, 14 * HOUR], [8 * HOUR, 16 * HOUR])).toEqual({
      from: 6 * HOUR,
      to: 18 * HOUR,
    });
    const part = { from: 6 * HOUR, to: 12 * HOUR };
    expect(pinch(part, day, [8 * HOUR, 10 * HOUR], [7 * HOUR, 9 * HOUR])).toEqual({
      from: 7 * HOUR,
      to: 13 * HOUR,
    });
  });
});
