import type { Person } from "../api/admin-types";
import type { Order } from "./fleet";

export type PeopleFilter = "all" | "admin" | "consumer" | "waiting" | "disabled" | "erased";
export type PeopleSort = "name" | "role" | "state" | "since";

/** `waiting`: has no password yet, so cannot log in. */
export type PersonState = "active" | "waiting" | "disabled" | "erased";
const STATES: readonly PersonState[] = ["active", "waiting", "disabled", "erased"];

/** The address that stays in the place of one that was erased. */
const ERASED = "erased@invalid";

export function personState({ email, disabled, has_password }: Person): PersonState {
  if (email === ERASED) return "erased";
  return disabled ? "disabled" : has_password ? "active" : "waiting";
}

const fits: Record<PeopleFilter, (person: Person) => boolean> = {
  // Who was erased is no person any more: found by that filter alone.
  all: (person) => personState(person) !== "erased",
  erased: (person) => personState(person) === "erased",
  admin: ({ role }) => role === "admin",
  consumer: (person) => person.role === "consumer" && personState(person) !== "erased",
  waiting: (person) => personState(person) === "waiting",
  disabled: (person) => personState(person) === "disabled",
};

/** Every word has to be found in name or address. */
export function filterPeople(people: readonly Person[], text: string, filter: PeopleFilter): Person[] {
  const words = text.toLowerCase().split(/\s+/);
  return people.filter((person) => {
    const all = `${person.name ?? ""} ${person.email}`.toLowerCase();
    return fits[filter](person) && words.every((word) => all.includes(word));
  });
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const called = ({ name, email }: Person) => name ?? email;

const compare: Record<PeopleSort, (a: Person, b: Person) => number> = {
  name: (a, b) => collator.compare(called(a), called(b)),
  role: (a, b) => collator.compare(a.role, b.role),
  state: (a, b) => STATES.indexOf(personState(a)) - STATES.indexOf(personState(b)),
  since: (a, b) => Date.parse(a.created_at) - Date.parse(b.created_at),
};

export function sortPeople(people: readonly Person[], { by, down }: Order<PeopleSort>): Person[] {
  const sign = down ? -1 : 1;
  return people.toSorted((a, b) => sign * compare[by](a, b) || compare.name(a, b));
}

/** A one-time link to hand over: whole where the server knows its address, else with the page's own. */
export function wholeLink(url: string, origin: string): string {
  return url.startsWith("/") ? origin + url : url;
}
