import { language, words } from "./text";

/** What the server says of a field, and where in it the values are. */
const patterns = [
  [/^is required$/, "required"],
  [/^must be a text$/, "text"],
  [/^must be an e-mail address such as (?<example>\S+)$/, "email"],
  [/^must be 1 to 64 of A-Z/, "id"],
  [/^must be a date such as (?<example>\S+)$/, "date"],
  [/^must be a month such as (?<example>\S+)$/, "month"],
  [/^must be an RFC 3339 time such as (?<example>\S+)$/, "time"],
  [/^must be a number from (?<from>\S+) to (?<to>\S+) with at most 3 decimals$/, "number"],
  [/^must be a whole number$/, "whole"],
  [/^must have 1 to (?<most>\d+) characters/, "length"],
  [/^must not be below (?<least>\S+)$/, "notBelow"],
  [/^is there twice$/, "twice"],
  [/^is not there\b/, "absent"],
  [/^must be after 'from'$/, "afterFrom"],
  [/^must not be before (?<year>\d+), nor in the future$/, "between"],
  [/^must be one of (?<names>.+)$/, "oneOf"],
] as const;

/** A server's message about a field in the reader's language; one without words of its own stays as it is. */
export function faultWords(message: string): string {
  if (language() === "en") return message;
  for (const [pattern, key] of patterns) {
    const found = pattern.exec(message);
    if (found) return words("fault")(key, { replace: { ...found.groups } });
  }
  return message;
}
