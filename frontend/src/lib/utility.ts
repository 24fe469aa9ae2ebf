import type { NewUtilityBill } from "../api/types";
import { scaled } from "./money";
import { addDays, isDate } from "./zone";

export interface UtilityDraft {
  supplier: string;
  number: string;
  from: string;
  /** The last day, as bills have it. */
  to: string;
  kwh: string;
  amount: string;
  tax: string;
  mainMeter: string;
  split: NewUtilityBill["split"];
  /** A tariff's name; empty: all. */
  tariff: string;
}

/** The API's end is the day after the last. */
export function utilityOf(draft: UtilityDraft): NewUtilityBill {
  const bill: NewUtilityBill = {
    supplier: draft.supplier.trim(),
    number: draft.number.trim(),
    from: draft.from,
    to: isDate(draft.to) ? addDays(draft.to, 1) : draft.to,
    kwh: Number(draft.kwh),
    amount: draft.amount.trim(),
    split: draft.split,
  };
  if (draft.tax.trim()) bill.tax = draft.tax.trim();
  if (draft.mainMeter) bill.main_meter = draft.mainMeter;
  if (draft.tariff) bill.tariffs = [draft.tariff];
  return bill;
}

/** Names of the fields that are no numbers. */
export function utilityFaults(draft: UtilityDraft, digits: number): (keyof UtilityDraft)[] {
  const bad = (text: string, places: number) => {
    const value = scaled(text.trim(), places);
    return value === null || value < 0n;
  };
  const faults: (keyof UtilityDraft)[] = [];
  if (bad(draft.kwh, 3)) faults.push("kwh");
  if (bad(draft.amount, digits)) faults.push("amount");
  if (draft.tax.trim() && bad(draft.tax, digits)) faults.push("tax");
  return faults;
}
