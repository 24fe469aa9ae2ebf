import type { Bill, BillLine } from "../api/types";
import { codeWords, language, words } from "../text/text";
import { dateTime, monthName, plainWords } from "./format";

/** Words for the codes that a bill carries; a code without any is at least made readable. */
function wordsFor(group: string, code: string): string {
  return codeWords("bill", group, code) ?? plainWords(code);
}

function sentence(code: string): string {
  return codeWords("bill", "reason", code) ?? `${plainWords(code)}.`;
}

type Explained = Pick<Bill, "reasons" | "explanations">;

/**
 * The server's own sentences, which name times and meters; for a code without one, this page's. The
 * server speaks English: in another language this page's sentence stands with the time and meter.
 */
export function explanations(bill: Explained, zone: string, locale: string): string[] {
  const said = bill.explanations ?? [];
  const unsaid = bill.reasons.filter((code) => !said.some(({ reason }) => reason === code));
  const t = words("bill");
  const told = said.map(({ reason, device_id, at, text }) => {
    const known = codeWords("bill", "reason", reason);
    if (language() === "en" || known === null) return text;
    const when = dateTime(at, zone, locale);
    return device_id
      ? t("why", { sentence: known, meter: device_id, at: when })
      : t("whyAll", { sentence: known, at: when });
  });
  return [...told, ...unsaid.map(sentence)];
}

export function eventWords(kind: string): string {
  return wordsFor("event", kind);
}

/** One that the meter's own readings overruled is listed, and not believed. */
export function editWords({ kind, believed }: { kind: string; believed: boolean }): string {
  const edit = wordsFor("edit", kind);
  return believed ? edit : words("bill")("overruled", { edit });
}

export function kindWords(kind: BillLine["kind"]): string {
  return wordsFor("kind", kind);
}

export function statusWords(status: string): string {
  return wordsFor("status", status);
}

/** Units of the trade (kWh, kW) are the same in every language. */
export function unitWords(unit: string): string {
  return codeWords("bill", "unit", unit) ?? unit;
}

const lines = {
  "Fixed charge": "line.fixed",
  "Fixed charge per kW of sanctioned load": "line.fixedPerKw",
  "Minimum charge": "line.minimum",
  Rounding: "line.rounding",
  Demand: "line.demand",
  "all kWh": "line.all",
} as const;

/** A line's name as the reader says it, where it is one that the server made; a tariff's own names stay. */
export function lineName(name: string, locale: string): string {
  const t = words("bill");
  if (name in lines) return t(lines[name as keyof typeof lines]);
  const over = /^over (\S+) kWh$/.exec(name)?.[1];
  if (over) return t("line.over", { kwh: over });
  const [, tax, month] = /^(?:(.+), c|C)orrection of (\d{4}-\d{2})$/.exec(name) ?? [];
  if (!month) return name;
  const named = monthName(month, locale);
  return tax ? t("line.taxCorrection", { tax, month: named }) : t("line.correction", { month: named });
}
