import type { Device } from "../api/types";
import { useLive } from "../lib/hooks";
import { seenMs, statusOf } from "../live/device";
import { PresenceLine } from "./presence";

/** Presence of one device, kept up by what comes in live. */
export function DeviceState({ device }: { device: Device }) {
  const live = useLive(device.device_id);
  return <PresenceLine status={statusOf(device, live)} seenMs={seenMs(device, live)} />;
}
