import type { Device } from "../api/types";

const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** By name, with numbers in their order: flat 2 before flat 10. */
export function sortDevices(devices: readonly Device[]): Device[] {
  return devices.toSorted(
    (a, b) =>
      byName.compare(a.name ?? a.device_id, b.name ?? b.device_id) ||
      byName.compare(a.device_id, b.device_id),
  );
}

/** Every word has to be found somewhere in name, id or owner. */
export function matches(device: Device, text: string): boolean {
  const all = `${device.name ?? ""} ${device.device_id} ${device.owner ?? ""}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
