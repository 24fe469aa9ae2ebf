import type { Device } from "../api/types";
import { seenMs, statusOf } from "../live/device";
import type { LiveReadingState } from "../live/store";
import { matches } from "./filter";
import { type Presence, presence } from "./staleness";

/** What a row may say of a meter: what an administrator did goes before what it does. */
export type FleetState = Exclude<Presence, "unsure"> | "disabled" | "revoked";
export const FLEET_STATES: readonly FleetState[] = [
  "online",
  "silent",
  "offline",
  "never",
  "disabled",
  "revoked",
];

export interface FleetRow {
  device: Device;
  state: FleetState;
  /** What it draws; null where nobody knows, as it is not there. */
  watts: number | null;
  seen: number | null;
}

export function fleetRow(device: Device, live: LiveReadingState | undefined, nowMs: number): FleetRow {
  const seen = seenMs(device, live);
  const found = presence(statusOf(device, live), seen, nowMs);
  // A list counts by what was heard last; its rows say themselves when the connection is away.
  const there = found === "unsure" ? "silent" : found;
  const state = device.revoked ? "revoked" : device.disabled ? "disabled" : there;
  return { device, state, seen, watts: there === "online" ? (live?.reading.power_w ?? null) : null };
}

export type FleetSort = "name" | "state" | "power" | "seen" | "owner" | "tariff";
export interface Order<K extends string> {
  by: K;
  down: boolean;
}

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const text = (a: string | null, b: string | null) => words.compare(a ?? "", b ?? "");

/** Those without a value come last in both directions: nobody looks for them by it. */
const lastIfNone = <T>(a: T | null, b: T | null, compare: (a: T, b: T) => number, sign: number) => {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return sign * compare(a, b);
};

const numbers = (a: number, b: number) => a - b;

/** Rows that come by name keep that order among equals. */
export function sortFleet(rows: readonly FleetRow[], { by, down }: Order<FleetSort>): FleetRow[] {
  const sign = down ? -1 : 1;
  switch (by) {
    case "name":
      return down ? rows.toReversed() : [...rows];
    case "state":
      return rows.toSorted((a, b) => sign * (FLEET_STATES.indexOf(a.state) - FLEET_STATES.indexOf(b.state)));
    case "power":
      return rows.toSorted((a, b) => lastIfNone(a.watts, b.watts, numbers, sign));
    case "seen":
      return rows.toSorted((a, b) => lastIfNone(a.seen, b.seen, numbers, sign));
    default:
      return rows.toSorted((a, b) => lastIfNone(a.device[by], b.device[by], text, sign));
  }
}

export function filterFleet(
  rows: readonly FleetRow[],
  wanted: string,
  state: FleetState | "all",
): FleetRow[] {
  return rows.filter(
    (row) => (state === "all" || row.state === state) && (wanted === "" || matches(row.device, wanted)),
  );
}

export function countStates(rows: readonly FleetRow[]): Record<FleetState, number> {
  const counts = { online: 0, silent: 0, offline: 0, never: 0, disabled: 0, revoked: 0 };
  for (const { state } of rows) counts[state] += 1;
  return counts;
}
