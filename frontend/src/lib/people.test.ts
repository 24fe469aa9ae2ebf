import { describe, expect, it } from "vitest";
import type { Person } from "../api/admin-types";
import { filterPeople, personState, sortPeople, wholeLink } from "./people";

function person(email: string, over: Partial<Person> = {}): Person {
  return {
    id: `u_${email}`,
    email,
    name: null,
    role: "consumer",
    language: null,
    disabled: false,
    has_password: true,
    must_change_password: false,
    created_at: "2026-01-01T00:00:00Z",
    ...over,
  };
}

const people = [
  person("b@example.org", { name: "Asha Rao", role: "admin", created_at: "2026-03-01T00:00:00Z" }),
  person("a@example.org", { has_password: false, created_at: "2026-02-01T00:00:00Z" }),
  person("c@example.org", { disabled: true, has_password: false }),
];
const emails = (list: Person[]) => list.map(({ email }) => email[0]).join("");

describe("people", () => {
  it("are disabled before they wait for a password", () => {
    expect(people.map(personState)).toEqual(["active", "waiting", "disabled"]);
  });

  it("who were erased are found only as such", () => {
    const erased = person("erased@invalid", { disabled: true });
    expect(personState(erased)).toBe("erased");
    expect(filterPeople([erased], "", "all")).toEqual([]);
    expect(filterPeople([erased], "", "erased")).toEqual([erased]);
  });

  it("are found by each word, in name or address", () => {
    expect(emails(filterPeople(people, "RAO example", "all"))).toBe("b");
    expect(emails(filterPeople(people, "", "waiting"))).toBe("a");
    expect(emails(filterPeople(people, "", "consumer"))).toBe("ac");
    expect(emails(filterPeople(people, "rao", "disabled"))).toBe("");
  });

  it("are sorted by what they are called, and among equals so too", () => {
    expect(emails(sortPeople(people, { by: "name", down: false }))).toBe("abc");
    expect(emails(sortPeople(people, { by: "role", down: true }))).toBe("acb");
    expect(emails(sortPeople(people, { by: "state", down: true }))).toBe("cab");
    expect(emails(sortPeople(people, { by: "since", down: true }))).toBe("bac");
  });
});

describe("a link", () => {
  it("gets the page's own origin where the server knows none", () => {
    expect(wholeLink("/password#x", "https://m.example")).toBe("https://m.example/password#x");
    expect(wholeLink("https://a.example/password#x", "https://m.example")).toBe(
      "https://a.example/password#x",
    );
  });
});
