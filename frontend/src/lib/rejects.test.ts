import { describe, expect, it } from "vitest";
import type { Reject } from "../api/types";
import { groupRejects, mendOf } from "./rejects";

const reject = (at: string, reason: string, device_id: string | null): Reject => ({
  at,
  reason,
  device_id,
  topic: "meters/m/telemetry",
  payload: "",
  payload_encoding: "utf-8",
  payload_bytes: 0,
});

describe("refused messages", () => {
  it("are one thing to mend by reason and meter, the newest first", () => {
    const groups = groupRejects([
      reject("2026-01-01T00:00:00Z", "unknown_device", "a"),
      reject("2026-01-01T00:00:01Z", "malformed", "a"),
      reject("2026-01-01T00:00:02Z", "unknown_device", "b"),
      reject("2026-01-01T00:00:03Z", "unknown_device", "a"),
    ]);
    expect(groups.map(({ reason, deviceId, count }) => [reason, deviceId, count])).toEqual([
      ["unknown_device", "a", 2],
      ["unknown_device", "b", 1],
      ["malformed", "a", 1],
    ]);
    expect(groups[0]?.rejects[0]?.at).toBe("2026-01-01T00:00:03Z");
  });

  it("have a remedy, whatever the reason", () => {
    expect(mendOf("unknown_device")).toBe("add");
    expect(mendOf("in_future")).toBe("clock");
    expect(mendOf("a_new_reason")).toBe("firmware");
  });
});
