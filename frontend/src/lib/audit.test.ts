import { describe, expect, it } from "vitest";
import { actorKind, detailLine, detailRows } from "./audit";

describe("an audit entry's detail", () => {
  const detail = { before: { A: "1", B: null }, list: ["x", 2], on: true };

  it("is flat, and each value is readable", () => {
    expect(detailRows(detail)).toEqual([
      { path: "before · A", value: "1" },
      { path: "before · B", value: "—" },
      { path: "list", value: '["x",2]' },
      { path: "on", value: "true" },
    ]);
    expect(detailLine({})).toBe("");
    expect(detailLine({ name: "Flat 1" })).toBe("name: Flat 1");
  });
});

describe("who did it", () => {
  it("is the server, the command line, a key or a user", () => {
    expect(["server", "cli", "key:k_1", "u_1"].map(actorKind)).toEqual(["server", "cli", "key", "user"]);
  });
});
