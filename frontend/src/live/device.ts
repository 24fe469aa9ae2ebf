import type { Device, DeviceStatus } from "../api/types";
import type { LiveReadingState } from "./store";

/** The later of what the list said and what has come in since. */
export function seenMs(device: Device, live: LiveReadingState | undefined): number | null {
  const listed = device.last_seen ? Date.parse(device.last_seen) : null;
  if (!live) return listed;
  return listed === null ? live.at : Math.max(listed, live.at);
}

/** A reading newer than the list's word means that the meter is there. */
export function statusOf(device: Device, live: LiveReadingState | undefined): DeviceStatus {
  if (!live) return device.status;
  const listed = device.last_seen ? Date.parse(device.last_seen) : 0;
  return live.at > listed ? "online" : device.status;
}
