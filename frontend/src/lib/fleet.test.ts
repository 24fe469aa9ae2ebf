import { describe, expect, it } from "vitest";
import type { Device } from "../api/types";
import { countStates, type FleetRow, filterFleet, fleetRow, sortFleet } from "./fleet";

const NOW = Date.parse("2026-02-01T12:00:00Z");

function device(id: string, over: Partial<Device> = {}): Device {
  const base = { name: null, owner: null, tariff: null, status: "online" as const };
  return { device_id: id, ...base, last_seen: "2026-02-01T11:59:00Z", last_reading: null, ...over };
}

const row = (id: string, over: Partial<Device> = {}, watts: number | null = null): FleetRow => ({
  ...fleetRow(device(id, over), undefined, NOW),
  watts,
});

const ids = (rows: FleetRow[]) => rows.map(({ device: { device_id } }) => device_id);

describe("a meter's row", () => {
  it("says what an administrator did before what the meter does", () => {
    expect(row("a").state).toBe("online");
    expect(row("a", { disabled: true }).state).toBe("disabled");
    expect(row("a", { disabled: true, revoked: true }).state).toBe("revoked");
    expect(row("a", { last_seen: null, status: "never" }).state).toBe("never");
  });

  it("knows no power of a meter that is not there", () => {
    const reading = { power_w: 500 } as NonNullable<Device["last_reading"]>;
    const live = { at: NOW - 10_000, reading, late: false, trail: [] } as never;
    expect(fleetRow(device("a"), live, NOW).watts).toBe(500);
    expect(fleetRow(device("a", { disabled: true }), live, NOW).watts).toBe(500);
    expect(fleetRow(device("a"), live, NOW + 3_600_000).watts).toBeNull();
  });
});

describe("rows", () => {
  const rows = [
    row("a", { owner: "zoe@example.org" }, 20),
    row("b", { owner: null, status: "offline" }, null),
    row("c", { owner: "asha@example.org", name: "Pump 2" }, 3000),
  ];

  it("are sorted, with those that have no value last in both directions", () => {
    expect(ids(sortFleet(rows, { by: "power", down: false }))).toEqual(["a", "c", "b"]);
    expect(ids(sortFleet(rows, { by: "power", down: true }))).toEqual(["c", "a", "b"]);
    expect(ids(sortFleet(rows, { by: "owner", down: false }))).toEqual(["c", "a", "b"]);
    expect(ids(sortFleet(rows, { by: "name", down: true }))).toEqual(["c", "b", "a"]);
    expect(ids(sortFleet(rows, { by: "state", down: true }))).toEqual(["b", "a", "c"]);
  });

  it("are found by words and by state", () => {
    expect(ids(filterFleet(rows, "pump asha", "all"))).toEqual(["c"]);
    expect(ids(filterFleet(rows, "", "offline"))).toEqual(["b"]);
    expect(ids(filterFleet(rows, "zoe", "offline"))).toEqual([]);
    expect(countStates(rows)).toMatchObject({ online: 2, offline: 1, never: 0 });
  });
});
