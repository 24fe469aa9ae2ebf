import { describe, expect, it } from "vitest";
import { anAlert } from "../lib/alerts.samples";
import { putAlert, subscribeAlerts, told } from "./alerts";

const ids = (alerts: readonly { id: number }[]) => alerts.map(({ id }) => id);

describe("what is told", () => {
  it("is what was opened, the newest last, until it is acknowledged or over", () => {
    const both = told(told([], anAlert({ id: 1 })), anAlert({ id: 2 }));
    expect(ids(both)).toEqual([1, 2]);
    expect(ids(told(both, anAlert({ id: 1, state: "ended" })))).toEqual([2]);
    expect(ids(told(both, anAlert({ id: 2, state: "acknowledged" })))).toEqual([1]);
  });

  it("does not change for what was not told", () => {
    const before = [anAlert({ id: 1 })];
    expect(told(before, anAlert({ id: 9, state: "ended" }))).toBe(before);
  });

  it("is not what began long before it was seen", () => {
    const late = anAlert({ opened_at: "2026-01-29T03:00:00Z", found_at: "2026-01-29T09:46:00Z" });
    expect(told([], late)).toEqual([]);
  });

  it("reaches who listens, and nobody who left", () => {
    const heard: number[] = [];
    const leave = subscribeAlerts(({ id }) => heard.push(id));
    putAlert(anAlert({ id: 5 }));
    leave();
    putAlert(anAlert({ id: 6 }));
    expect(heard).toEqual([5]);
  });
});
