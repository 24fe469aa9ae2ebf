import { describe, expect, it } from "vitest";
import { ago, lastSeen, presence } from "./staleness";

const now = Date.parse("2026-11-24T12:00:00Z");

describe("presence", () => {
  it("believes online only while readings come", () => {
    expect(presence("online", now - 10_000, now)).toBe("online");
    expect(presence("online", now - 6 * 60_000, now)).toBe("silent");
  });

  it("does not vouch for what it cannot hear", () => {
    expect(presence("online", now - 10_000, now, true)).toBe("unsure");
    expect(presence("offline", now - 10_000, now, true)).toBe("offline");
    expect(presence("never", null, now, true)).toBe("never");
  });

  it("keeps offline and never apart", () => {
    expect(presence("offline", now - 1000, now)).toBe("offline");
    expect(presence("never", null, now)).toBe("never");
    expect(presence("online", null, now)).toBe("never");
  });
});

describe("ago", () => {
  it("rounds down and counts in one unit", () => {
    expect(ago(now - 4999, now)).toBe("just now");
    expect(ago(now - 59_999, now)).toBe("59 seconds ago");
    expect(ago(now - 60_000, now)).toBe("1 minute ago");
    expect(ago(now - 3 * 60_000, now)).toBe("3 minutes ago");
    expect(ago(now - 3_600_000, now)).toBe("1 hour ago");
    expect(ago(now - 49 * 3_600_000, now)).toBe("2 days ago");
  });

  it("does not look into the future when clocks differ", () => {
    expect(ago(now + 3000, now)).toBe("just now");
  });
});

describe("lastSeen", () => {
  it("says when there is nothing to say", () => {
    expect(lastSeen(null, now)).toBe("No reading yet");
    expect(lastSeen(now - 180_000, now)).toBe("Last seen 3 minutes ago");
  });
});
