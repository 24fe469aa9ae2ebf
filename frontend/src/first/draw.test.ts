import { describe, expect, it } from "vitest";
import page from "../../index.html?raw";
import { places } from "./draw";
import type { LastSeen } from "./last";

const AT = Date.parse("2026-07-17T14:10:00Z");
const seen: LastSeen = {
  device: {
    device_id: "meter-001",
    name: "Flat 1A",
    tariff: "LT-1 Domestic",
    status: "online",
    last_seen: "2026-07-17T14:09:30Z",
  },
  reading: {
    device_id: "meter-001",
    timestamp: "2026-07-17T14:09:30Z",
    voltage: 229.84,
    current: 2.736,
    power_w: 628.99,
    energy_kwh: 12.345,
  },
  site: { name: "Lake View Society", currency: "INR" },
};

describe("the first picture", () => {
  it("says what the server has just said", () => {
    expect(places(seen, true, "en", AT)).toMatchObject({
      site: "Lake View Society",
      meter: "Flat 1A",
      facts: "meter-001 · LT-1 Domestic",
      state: "online",
      presence: "Online",
      seen: " · last seen 30 seconds ago",
      watts: "629",
      unit: "W",
      old: "",
      voltage: "229.8 V",
      current: "2.74 A",
      powerFactor: "—",
      frequency: "—",
      register: "12.345 kWh",
    });
  });

  it("does not call what was there at the last visit present", () => {
    const old = places(seen, false, "en", AT + 3 * 3_600_000);
    expect(old).toMatchObject({
      state: "unsure",
      presence: "Not up to date",
      seen: " · last seen 3 hours ago",
    });
    expect(places({ ...seen, device: { ...seen.device, status: "offline" } }, false, "en", AT).state).toBe(
      "offline",
    );
  });

  it("says that a meter has fallen silent, and speaks Hindi", () => {
    const silent = places(seen, true, "hi", AT + 3_600_000);
    expect(silent.state).toBe("silent");
    expect(silent.old).toMatch(/मीटर/);
    expect(silent.now).toBe("अभी");
  });

  it("has a place in the page for all that it says, and says something for each place", () => {
    const names = [...page.matchAll(/data-first="(\w+)"/g)].map(([, name]) => name);
    expect(names.sort()).toEqual(
      Object.keys(places(seen, true, "en", AT))
        .filter((name) => name !== "state")
        .sort(),
    );
  });
});
