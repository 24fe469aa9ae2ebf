import { language, words } from "./text";

/** What the server says of a field, and where in it the values are. */
const patterns = [
  [/^(is required|is needed|is missing)\b/, "required"],
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
  [/^must (be after|not be before) 'from'/, "afterFrom"],
  [/^must not be before (?<year>\d+), nor in the future$/, "between"],
  [/^must be one of (?<names>.+)$/, "oneOf"],
  [/^is '[^']*': give a month such as (?<example>\S+)$/, "month"],
  [/^is '[^']*': give a date such as (?<example>\S+)$/, "date"],
  [/^is '[^']*': give an RFC 3339 time such as (?<example>\S+)/, "time"],
  [/^is '[^']*': give (?!a )(?<names>.+)$/, "oneOf"],
  [/^is taken: /, "taken"],
  [/^is too long$|^is longer than\b/, "tooLong"],
  [/^must be positive$/, "positive"],
  [/^has more than 6 decimal places$/, "places"],
  [/^must be of at most (?<most>\d+) characters$/, "most"],
  [/^must be a decimal string\b/, "decimal"],
  [/^must be a whole e-mail address\b/, "address"],
  [/^is cancelled\b/, "cancelled"],
  [/^is (not over|not settled yet)\b/, "notOver"],
  [/^has not begun$/, "notBegun"],
  [/^is (posted|resolved|withdrawn|taken back|decided) already\b/, "already"],
  [/^is not good, or not any more\b/, "link"],
] as const;

/** A server's message about a field in the reader's language; of one without words of its own it is said whose it is. */
export function faultWords(message: string): string {
  if (language() === "en") return message;
  for (const [pattern, key] of patterns) {
    const found = pattern.exec(message);
    if (found) return words("fault")(key, { replace: { ...found.groups } });
  }
  return words("fault")("other", { text: message });
}
