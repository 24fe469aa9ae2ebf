import { describe, expect, it } from "vitest";
import type { Device } from "../api/types";
import { matches, sortDevices } from "./filter";

const device = (device_id: string, name: string | null, owner: string | null = null): Device => ({
  device_id,
  name,
  owner,
  tariff: null,
  status: "never",
  last_seen: null,
  last_reading: null,
});

describe("sortDevices", () => {
  it("counts as people do", () => {
    const sorted = sortDevices([device("c", "Flat 10"), device("b", "flat 2"), device("a", null)]);
    expect(sorted.map((d) => d.device_id)).toEqual(["a", "b", "c"]);
  });
});

describe("matches", () => {
  it("finds words in any order and any member", () => {
    const flat = device("meter-012", "Flat 3B", "asha@example.org");
    expect(matches(flat, "asha flat")).toBe(true);
    expect(matches(flat, "METER-012")).toBe(true);
    expect(matches(flat, "  ")).toBe(true);
    expect(matches(flat, "flat 4")).toBe(false);
  });
});
