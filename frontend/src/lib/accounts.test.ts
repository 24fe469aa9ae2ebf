import { describe, expect, it } from "vitest";
import type { Account } from "../api/types";
import { accountMatches, accountName } from "./accounts";

const account: Account = {
  account_id: "a_1",
  person: "Asha Rao",
  email: "asha@example.org",
  place: "Flat 1A",
  from: null,
  to: null,
  sanctioned_load_kw: null,
  meters: [{ device_id: "meter-001", sign: 1, multiplier: 1 }],
  tariffs: [{ name: "LT-1 Domestic" }],
  balance: "0.00",
};

describe("an account", () => {
  it("is called by place and person, or by its number", () => {
    expect(accountName(account)).toBe("Flat 1A, Asha Rao");
    expect(accountName({ ...account, place: "" })).toBe("Asha Rao");
    expect(accountName({ ...account, place: "", person: "" })).toBe("a_1");
  });

  it("is found by any of its names, in any case", () => {
    for (const text of ["asha r", "1a", "METER-001", "domestic", " a_1 ", ""])
      expect([text, accountMatches(account, text)]).toEqual([text, true]);
    expect(accountMatches(account, "meena")).toBe(false);
  });
});
