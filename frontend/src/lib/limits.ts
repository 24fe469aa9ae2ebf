import type { AlertKind, AlertLimits } from "../api/types";
import { ALERT_KINDS, lengthOf } from "./alerts";
import { energy, measure, power, whole } from "./format";
import { formatMoney } from "./money";

/**
 * What a meter's alerts are judged by, as a form has it: texts that a person types. The API has seconds; people have minutes.
 */
export type LimitUnit = "V" | "W" | "kWh" | "%" | "min" | "days" | "clock" | "money";

export interface LimitField {
  name: string;
  unit: LimitUnit;
  /** For those who want it exactly. */
  fine?: true;
}

const lasting: readonly LimitField[] = [
  { name: "for_s", unit: "min", fine: true },
  { name: "clear_s", unit: "min", fine: true },
];

export const LIMIT_FIELDS: Record<AlertKind, readonly LimitField[]> = {
  overload: [
    { name: "above_w", unit: "W" },
    { name: "hysteresis_percent", unit: "%", fine: true },
    ...lasting,
  ],
  voltage_low: [{ name: "below_v", unit: "V" }, { name: "hysteresis_v", unit: "V", fine: true }, ...lasting],
  voltage_high: [{ name: "above_v", unit: "V" }, { name: "hysteresis_v", unit: "V", fine: true }, ...lasting],
  budget_money: [{ name: "month_total", unit: "money" }],
  budget_energy: [{ name: "month_kwh", unit: "kWh" }],
  odd_hours: [
    { name: "above_w", unit: "W" },
    { name: "from", unit: "clock" },
    { name: "to", unit: "clock" },
    { name: "hysteresis_percent", unit: "%", fine: true },
    ...lasting,
  ],
  night_baseload: [
    { name: "rise_percent", unit: "%" },
    { name: "rise_w", unit: "W" },
    { name: "from", unit: "clock", fine: true },
    { name: "to", unit: "clock", fine: true },
  ],
  silent: [
    { name: "after_s", unit: "min" },
    { name: "clear_s", unit: "min", fine: true },
  ],
  register_reset: [{ name: "clear_s", unit: "min", fine: true }],
  certificate: [{ name: "days", unit: "days" }],
};

export interface LimitsDraft {
  on: Record<AlertKind, boolean>;
  /** By `kind.name`; an empty text is what holds otherwise. */
  text: Record<string, string>;
}

type Value = string | number | boolean | null | undefined;

/** One value of limits, whatever kind it is of. */
export function limitOf(limits: AlertLimits, kind: AlertKind, name: string): Value {
  return (limits[kind] as Record<string, Value> | undefined)?.[name];
}

const SIXTY = 60;
/** Thousandths: what the API has of a second, and enough of a minute. */
const rounded = (value: number) => Math.round(value * 1000) / 1000;

function typed(value: Value, unit: LimitUnit): string {
  if (typeof value === "number") return String(unit === "min" ? rounded(value / SIXTY) : value);
  return typeof value === "string" ? value : "";
}

/** The form of what is given, over what holds otherwise. */
export function draftOf(given: AlertLimits, otherwise: AlertLimits): LimitsDraft {
  const draft: LimitsDraft = { on: {} as LimitsDraft["on"], text: {} };
  for (const kind of ALERT_KINDS) {
    draft.on[kind] = (limitOf(given, kind, "enabled") ?? limitOf(otherwise, kind, "enabled")) !== false;
    for (const { name, unit } of LIMIT_FIELDS[kind])
      draft.text[`${kind}.${name}`] = typed(limitOf(given, kind, name), unit);
  }
  return draft;
}

const NUMBER = /^-?\d+(\.\d+)?$/;

interface Told {
  limits: AlertLimits;
  /** Where there is no number, by `kind.name`. What is wrong else, the server says. */
  faults: Set<string>;
}

/** What is to be set: only what differs from what holds otherwise, or was typed. */
export function limitsOf(draft: LimitsDraft, otherwise: AlertLimits): Told {
  const limits: Record<string, Record<string, Value>> = {};
  const faults = new Set<string>();
  for (const kind of ALERT_KINDS) {
    const own: Record<string, Value> = {};
    const on = draft.on[kind];
    if (on !== (limitOf(otherwise, kind, "enabled") !== false)) own.enabled = on;
    for (const { name, unit } of LIMIT_FIELDS[kind]) {
      const text = (draft.text[`${kind}.${name}`] ?? "").trim();
      if (text === "") continue;
      if (unit === "clock" || unit === "money") own[name] = text;
      else if (!NUMBER.test(text)) faults.add(`${kind}.${name}`);
      else own[name] = unit === "min" ? rounded(Number(text) * SIXTY) : Number(text);
    }
    if (Object.keys(own).length > 0) limits[kind] = own;
  }
  return { limits: limits as AlertLimits, faults };
}

/** A limit as people read it; null where there is none. */
export function limitWords(value: Value, unit: LimitUnit, currency: string, locale: string): string | null {
  if (value === null || value === undefined || typeof value === "boolean") return null;
  if (typeof value === "string") return unit === "money" ? formatMoney(value, currency, locale) : value;
  if (unit === "min") return lengthOf(value, locale);
  if (unit === "V") return measure(value, Number.isInteger(value) ? 0 : 1, "V", locale);
  if (unit === "kWh") return energy(value, locale);
  if (unit === "%") return `${new Intl.NumberFormat(locale).format(value)} %`;
  if (unit === "days") return whole(value, locale);
  const shown = power(value, locale);
  return `${shown.value} ${shown.unit}`;
}

export type LimitFault =
  | { key: "range"; from: string; to: string }
  | { key: "clock" | "differ" | "later" | "belowHigh" | "amount" };

const faults = [
  [/^must be a time of the day/, "clock"],
  [/^must differ from/, "differ"],
  [/^must be later than/, "later"],
  [/^must be below voltage_high/, "belowHigh"],
  [/^must be an amount/, "amount"],
] as const;

/** What the server says of a field, for words of one's own, in the unit that the form has. Null: as it stands. */
export function limitFault(message: string, unit: LimitUnit, locale: string): LimitFault | null {
  const range = /^must be a number from (\S+) to (\S+),/.exec(message);
  if (range) {
    const of = (text: string | undefined) =>
      new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }).format(
        Number(text) / (unit === "min" ? SIXTY : 1),
      );
    return { key: "range", from: of(range[1]), to: of(range[2]) };
  }
  const found = faults.find(([pattern]) => pattern.test(message));
  return found ? { key: found[1] } : null;
}
