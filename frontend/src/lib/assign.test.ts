import { describe, expect, it } from "vitest";
import { assigned, tariffOn } from "./assign";

const old = { name: "Old", from: null };

describe("assigned", () => {
  it("keeps what was before, and what is planned after", () => {
    const later = { name: "Later", from: "2026-06-01" };
    expect(assigned([old, later], "New", "2026-03-01", "Site")).toEqual([
      old,
      { name: "New", from: "2026-03-01" },
      later,
    ]);
  });

  it("takes the place of one from the same day", () => {
    const same = { name: "Same", from: "2026-03-01" };
    expect(assigned([old, same], "New", "2026-03-01", "Site")).toEqual([
      old,
      { name: "New", from: "2026-03-01" },
    ]);
  });

  it("leaves the days before on the site's tariff, or on the first that there was", () => {
    const next = { name: "New", from: "2026-03-01" };
    expect(assigned([], "New", "2026-03-01", "Site")).toEqual([{ name: "Site", from: null }, next]);
    expect(assigned([{ name: "Own", from: "2026-03-01" }], "New", "2026-03-01", "Site")).toEqual([
      { name: "Own", from: null },
      next,
    ]);
  });
});

describe("tariffOn", () => {
  it("is the last begun, the first before all, or the site's", () => {
    const tariffs = [
      { name: "A", from: "2026-02-01" },
      { name: "B", from: "2026-03-01" },
    ];
    expect(tariffOn(tariffs, "2026-03-01", "Site")).toBe("B");
    expect(tariffOn(tariffs, "2026-02-28", "Site")).toBe("A");
    expect(tariffOn(tariffs, "2026-01-01", "Site")).toBe("A");
    expect(tariffOn([], "2026-01-01", "Site")).toBe("Site");
  });
});
