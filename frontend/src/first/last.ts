import type { Device, Reading, Site } from "../api/types";
import { LAST } from "./keys";

/** What a resident's one meter said last, so that the next visit begins with it, marked as old, and not with nothing. */
export interface LastSeen {
  device: Pick<Device, "device_id" | "name" | "tariff" | "status" | "last_seen">;
  reading: Reading;
  site: Pick<Site, "name" | "currency">;
}

/** Null if there is nothing, or nothing that can be read. */
export function readLast(): LastSeen | null {
  try {
    const last = JSON.parse(localStorage.getItem(LAST) ?? "null") as LastSeen | null;
    return last?.device && last.reading && last.site ? last : null;
  } catch {
    return null;
  }
}

/** Null forgets it: whoever signs in next must not see it. */
export function writeLast(last: LastSeen | null): void {
  try {
    if (last) localStorage.setItem(LAST, JSON.stringify(last));
    else localStorage.removeItem(LAST);
  } catch {
    // Without storage the next visit begins with nothing.
  }
}
