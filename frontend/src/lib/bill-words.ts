import type { Bill, BillLine } from "../api/types";
import { plainWords } from "./format";

/** Sentences for the codes that a bill carries; a code without one is at least made readable. */
const reasons: Record<string, string> = {
  gap_at_boundary:
    "There was a gap of more than an hour at an edge of the period; the register there was interpolated.",
  no_reading_after_end:
    "No reading has come since the end of the period; the register was taken to stand still until then.",
  register_reset:
    "The register was reset. What was used between the last reading before and the reset is not known, and not billed.",
  register_jump: "The register jumped. What lies between is not known to be use, and is not billed.",
  meter_gap: "For more than an hour no meter was there to measure.",
  negative_use: "Meters that are taken off counted more than those that they are taken from.",
};

const events: Record<string, string> = {
  reset: "Register reset",
  rollover: "Register rolled over",
  swap: "Meter swapped",
  jump: "Register jumped",
};

const edits: Record<string, string> = {
  manual: "Read by hand",
  void: "Reading not used",
  correct: "Reading corrected",
};

const kinds: Record<BillLine["kind"], string> = {
  energy: "Energy",
  time_of_day: "Time of day",
  demand: "Demand",
  fixed: "Fixed charge",
  surcharge: "Surcharge",
  minimum: "Minimum",
  true_up: "Correction of earlier periods",
  tax: "Tax",
  rounding: "Rounding",
};

/** The server's own sentences, which name times and meters; for a code without one, this page's. */
export function explanations(bill: Pick<Bill, "reasons" | "explanations">): string[] {
  const said = bill.explanations ?? [];
  const unsaid = bill.reasons.filter((code) => !said.some(({ reason }) => reason === code));
  return [...said.map(({ text }) => text), ...unsaid.map((code) => reasons[code] ?? `${plainWords(code)}.`)];
}

export function eventWords(kind: string): string {
  return events[kind] ?? plainWords(kind);
}

/** One that the meter's own readings overruled is listed, and not believed. */
export function editWords({ kind, believed }: { kind: string; believed: boolean }): string {
  return `${edits[kind] ?? plainWords(kind)}${believed ? "" : " (the meter says otherwise)"}`;
}

export function kindWords(kind: BillLine["kind"]): string {
  return kinds[kind] ?? plainWords(kind);
}
