import type { Account } from "../api/types";
import type { LocalDate } from "./zone";

type Assignments = Account["tariffs"];

/** The tariff that an account is on, on a day; `fallback` is that of accounts without one of their own. */
export function tariffOn(tariffs: Assignments, day: LocalDate, fallback: string | null): string | null {
  const begun = tariffs.filter(({ from }) => !from || from <= day);
  // Days before the first entry are that entry's.
  return (begun.at(-1) ?? tariffs[0])?.name ?? fallback;
}

/**
 * An account's tariffs with another one from a day on, until what is planned after it. What comes
 * before the day stays as it is, so an account without one of its own keeps the site's until then.
 */
export function assigned(
  tariffs: Assignments,
  name: string,
  from: LocalDate,
  fallback: string | null,
): Assignments {
  const before = tariffs.filter((entry) => !entry.from || entry.from < from);
  const after = tariffs.filter((entry) => entry.from && entry.from > from);
  const first =
    tariffs.length === 0 && fallback !== null
      ? [{ name: fallback, from: null }]
      : before.length === 0 && tariffs[0]
        ? [{ name: tariffs[0].name, from: null }]
        : [];
  return [...first, ...before, { name, from }, ...after];
}
