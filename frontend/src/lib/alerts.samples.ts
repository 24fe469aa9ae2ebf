import type { Alert } from "../api/types";

/** For tests: a sag that goes on. */
export function anAlert(but: Partial<Alert> = {}): Alert {
  return {
    id: 1,
    kind: "voltage_low",
    device_id: "meter-001",
    subject: null,
    state: "open",
    value: 198.3,
    limit: 207,
    unit: "V",
    opened_at: "2026-01-29T09:45:00Z",
    found_at: "2026-01-29T09:46:00Z",
    ended_at: null,
    acknowledged_at: null,
    ...but,
  };
}
