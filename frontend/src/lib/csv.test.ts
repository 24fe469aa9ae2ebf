import { describe, expect, it } from "vitest";
import { csv } from "./csv";

describe("csv", () => {
  it("leaves empty what is not known, and quotes what must be", () => {
    const text = csv(
      ["when", "kwh"],
      [
        ["2026-11-24T00:00:00+05:30", 1.5],
        ['a "b", c', null],
        ["=1+1", -2],
      ],
    );
    expect(text).toBe('when,kwh\r\n2026-11-24T00:00:00+05:30,1.5\r\n"a ""b"", c",\r\n\'=1+1,-2\r\n');
  });
});
