import type { Reject } from "../api/types";

/** Messages that were refused for one reason of one meter: one thing to mend. */
export interface RejectGroup {
  key: string;
  reason: string;
  deviceId: string | null;
  count: number;
  /** The newest first. */
  rejects: Reject[];
}

/** What can be done here about a reason, or where it lies. */
export type Mend = "add" | "clock" | "firmware" | "sender" | "duplicate" | "late";

const mends: Record<string, Mend> = {
  unknown_device: "add",
  in_future: "clock",
  too_old: "clock",
  bad_timestamp: "clock",
  device_mismatch: "sender",
  bad_topic: "sender",
  conflict: "duplicate",
  past_retention: "late",
};

export function mendOf(reason: string): Mend {
  return mends[reason] ?? "firmware";
}

/** By the newest of each; `rejects` come oldest first. */
export function groupRejects(rejects: readonly Reject[]): RejectGroup[] {
  const groups = new Map<string, RejectGroup>();
  for (const reject of rejects.toReversed()) {
    const key = `${reject.reason} ${reject.device_id ?? ""}`;
    const group = groups.get(key);
    if (group) {
      group.count += 1;
      group.rejects.push(reject);
    } else {
      const { reason, device_id } = reject;
      groups.set(key, { key, reason, deviceId: device_id, count: 1, rejects: [reject] });
    }
  }
  return [...groups.values()];
}
