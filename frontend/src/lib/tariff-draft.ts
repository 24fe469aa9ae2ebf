import type { NewTariff, Tariff } from "../api/types";
import { scaled } from "./money";
import { isDate, type LocalDate } from "./zone";

/** A tariff while it is typed: texts as they stand in the fields. `key` tells rows of a list apart. */
export interface SlabDraft {
  key: number;
  /** Empty in the last slab, which has no bound. */
  upTo: string;
  rate: string;
}

export interface WindowDraft {
  key: number;
  name: string;
  from: string;
  to: string;
  /** None: every day. */
  days: string[];
  percent: string;
}

export interface SurchargeDraft {
  key: number;
  name: string;
  by: "per_kwh" | "percent";
  value: string;
}

export interface TaxDraft {
  key: number;
  name: string;
  percent: string;
  /** None: on all kinds. */
  on: string[];
}

export interface TariffDraft {
  name: string;
  effectiveFrom: string;
  slabs: SlabDraft[];
  mode: "telescopic" | "whole_use";
  prorate: boolean;
  fixed: string;
  fixedPerKw: string;
  minimum: string;
  windows: WindowDraft[];
  /** Dates, apart by blanks, commas or lines. */
  holidays: string;
  demandRate: string;
  demandMinutes: string;
  surcharges: SurchargeDraft[];
  taxes: TaxDraft[];
  roundTo: string;
}

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"] as const;
export const TAXED = ["energy", "time_of_day", "demand", "fixed", "surcharge", "minimum", "true_up"] as const;
export const ROUNDINGS = ["0.01", "0.10", "1.00", "10.00"] as const;

let keys = 0;
export const newKey = () => ++keys;

export function emptyDraft(effectiveFrom: LocalDate): TariffDraft {
  return {
    name: "",
    effectiveFrom,
    slabs: [{ key: newKey(), upTo: "", rate: "" }],
    mode: "telescopic",
    prorate: false,
    fixed: "0.00",
    fixedPerKw: "",
    minimum: "",
    windows: [],
    holidays: "",
    demandRate: "",
    demandMinutes: "30",
    surcharges: [],
    taxes: [],
    roundTo: "0.01",
  };
}

/** A version as the start of the next one. */
export function draftOf(tariff: Tariff, effectiveFrom: LocalDate): TariffDraft {
  return {
    name: tariff.name,
    effectiveFrom,
    slabs: tariff.slabs.map(({ up_to_kwh, rate }) => ({
      key: newKey(),
      upTo: up_to_kwh === null ? "" : String(up_to_kwh),
      rate,
    })),
    mode: tariff.slab_mode ?? "telescopic",
    prorate: tariff.prorate_slabs ?? false,
    fixed: tariff.fixed_charge,
    fixedPerKw: tariff.fixed_per_kw ?? "",
    minimum: tariff.minimum_charge ?? "",
    windows: (tariff.time_of_day ?? []).map(({ name, from, to, days, percent }) => ({
      key: newKey(),
      name,
      from,
      to,
      days: days ?? [],
      percent,
    })),
    holidays: (tariff.holidays ?? []).join("\n"),
    demandRate: tariff.demand?.rate_per_kw ?? "",
    demandMinutes: String(tariff.demand?.window_minutes ?? 30),
    surcharges: (tariff.surcharges ?? []).map(({ name, per_kwh, percent }) => ({
      key: newKey(),
      name,
      by: per_kwh === undefined ? "percent" : "per_kwh",
      value: per_kwh ?? percent ?? "",
    })),
    taxes: (tariff.taxes ?? []).map(({ name, percent, on }) => ({
      key: newKey(),
      name,
      percent,
      on: on ?? [],
    })),
    roundTo: tariff.round_total_to ?? "0.01",
  };
}

/** What is wrong, by the path that the API names it by. The values are keys of the area `editor`. */
export type FieldFault =
  | "needed"
  | "nameForm"
  | "dateForm"
  | "decimalForm"
  | "boundForm"
  | "boundOrder"
  | "timeForm"
  | "timeSame"
  | "percentLeast"
  | "holidayForm"
  | "negative";
export type Faults = Record<string, FieldFault>;

const MICRO = 6;
const TIME = /^([01]\d|2[0-3]):(00|15|30|45)$|^24:00$/;

export function holidaysOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((part) => part !== ""))].sort();
}

function decimalFault(text: string, least: bigint | null = 0n): FieldFault | null {
  if (text.trim() === "") return "needed";
  const value = scaled(text.trim(), MICRO);
  if (value === null) return "decimalForm";
  return least !== null && value < least ? "negative" : null;
}

function nameFault(name: string): FieldFault | null {
  if (name.trim() === "") return "needed";
  return [...name.trim()].length > 80 ? "nameForm" : null;
}

function boundFault(slab: SlabDraft, before: SlabDraft | undefined): FieldFault | null {
  const bound = scaled(slab.upTo.trim(), 3);
  if (slab.upTo.trim() === "") return "needed";
  if (bound === null || bound <= 0n) return "boundForm";
  const lower = before ? scaled(before.upTo.trim(), 3) : 0n;
  return lower !== null && bound <= lower ? "boundOrder" : null;
}

export function faultsOf(draft: TariffDraft): Faults {
  const faults: Faults = {};
  const put = (path: string, fault: FieldFault | null) => {
    if (fault) faults[path] = fault;
  };
  put("name", nameFault(draft.name));
  put("effective_from", isDate(draft.effectiveFrom) ? null : "dateForm");
  draft.slabs.forEach((slab, i) => {
    if (i < draft.slabs.length - 1) put(`slabs[${i}].up_to_kwh`, boundFault(slab, draft.slabs[i - 1]));
    put(`slabs[${i}].rate`, decimalFault(slab.rate));
  });
  put("fixed_charge", decimalFault(draft.fixed));
  if (draft.fixedPerKw.trim()) put("fixed_per_kw", decimalFault(draft.fixedPerKw));
  if (draft.minimum.trim()) put("minimum_charge", decimalFault(draft.minimum));
  if (draft.demandRate.trim()) put("demand.rate_per_kw", decimalFault(draft.demandRate));
  draft.windows.forEach(({ name, from, to, percent }, i) => {
    put(`time_of_day[${i}].name`, nameFault(name));
    put(`time_of_day[${i}].from`, TIME.test(from) && from !== "24:00" ? null : "timeForm");
    put(`time_of_day[${i}].to`, !TIME.test(to) ? "timeForm" : to === from ? "timeSame" : null);
    const fault = decimalFault(percent, -100_000_000n);
    put(`time_of_day[${i}].percent`, fault === "negative" ? "percentLeast" : fault);
  });
  if (!holidaysOf(draft.holidays).every(isDate)) put("holidays", "holidayForm");
  draft.surcharges.forEach(({ name, by, value }, i) => {
    put(`surcharges[${i}].name`, nameFault(name));
    put(`surcharges[${i}].${by}`, decimalFault(value, null));
  });
  draft.taxes.forEach(({ name, percent }, i) => {
    put(`taxes[${i}].name`, nameFault(name));
    put(`taxes[${i}].percent`, decimalFault(percent));
  });
  return faults;
}

/** The body of a request. Of a draft with faults it is the nearest there is, for the API to refuse. */
export function tariffOf(draft: TariffDraft): NewTariff {
  const last = draft.slabs.length - 1;
  const tariff: NewTariff = {
    name: draft.name.trim(),
    effective_from: draft.effectiveFrom,
    slabs: draft.slabs.map(({ upTo, rate }, i) => ({
      up_to_kwh: i === last ? null : Number(upTo),
      rate: rate.trim(),
    })),
    slab_mode: draft.mode,
    prorate_slabs: draft.prorate,
    fixed_charge: draft.fixed.trim(),
    round_total_to: draft.roundTo,
  };
  if (draft.fixedPerKw.trim()) tariff.fixed_per_kw = draft.fixedPerKw.trim();
  if (draft.minimum.trim()) tariff.minimum_charge = draft.minimum.trim();
  if (draft.windows.length > 0)
    tariff.time_of_day = draft.windows.map(({ name, from, to, days, percent }) => ({
      name: name.trim(),
      from,
      to,
      ...(days.length > 0 && { days: days as (typeof DAYS)[number][] }),
      percent: percent.trim(),
    }));
  const holidays = holidaysOf(draft.holidays);
  if (holidays.length > 0) tariff.holidays = holidays;
  if (draft.demandRate.trim())
    tariff.demand = { rate_per_kw: draft.demandRate.trim(), window_minutes: Number(draft.demandMinutes) };
  if (draft.surcharges.length > 0)
    tariff.surcharges = draft.surcharges.map(({ name, by, value }) => ({
      name: name.trim(),
      [by]: value.trim(),
    }));
  if (draft.taxes.length > 0)
    tariff.taxes = draft.taxes.map(({ name, percent, on }) => ({
      name: name.trim(),
      percent: percent.trim(),
      ...(on.length > 0 && { on: on as (typeof TAXED)[number][] }),
    }));
  return tariff;
}

/** The last slab has no bound: a new one goes before it, and takes over its rate. */
export function withSlab(draft: TariffDraft): TariffDraft {
  const last = draft.slabs.at(-1);
  const slab = { key: newKey(), upTo: "", rate: last?.rate ?? "" };
  return { ...draft, slabs: [...draft.slabs.slice(0, -1), slab, ...(last ? [last] : [])] };
}
