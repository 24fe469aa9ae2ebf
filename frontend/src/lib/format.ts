import type { Language } from "../text/language";
import { addDays, type LocalDate, type LocalMonth } from "./zone";

/** Dates and numbers are of the words' language, and of the reader's own country where that has it. */
export function localeFor(
  currency: string | undefined,
  language: Language,
  browser: string = navigator.language,
): string {
  if (language === "hi") return "hi-IN";
  if (currency === "INR") return "en-IN";
  return /^en\b/i.test(browser) ? browser : "en-GB";
}

function number(value: number, digits: number, locale: string): string {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(locale, options).format(value);
}

export function whole(value: number, locale: string): string {
  return number(value, 0, locale);
}

export interface Quantity {
  value: string;
  unit: string;
}

/** Watts below 10 kW, then kilowatts: four figures at most, and no digit that the meter has not. */
export function power(watts: number, locale: string): Quantity {
  if (Math.abs(watts) < 100) return { value: number(watts, 1, locale), unit: "W" };
  if (Math.abs(watts) < 9999.5) return { value: number(watts, 0, locale), unit: "W" };
  return { value: number(watts / 1000, 2, locale), unit: "kW" };
}

export function energy(kwh: number, locale: string): string {
  return `${number(kwh, kwh < 100 ? 2 : 1, locale)} kWh`;
}

/** A register has whole watt-hours, and a bill shows all of them. */
export function register(kwh: number | null, locale: string): string {
  return kwh === null ? "—" : `${number(kwh, 3, locale)} kWh`;
}

export function measure(value: number | undefined, digits: number, unit: string, locale: string): string {
  if (value === undefined) return "—";
  return unit ? `${number(value, digits, locale)} ${unit}` : number(value, digits, locale);
}

/** A change, with its sign: `+12 %`. */
export function percent(value: number, locale: string): string {
  const digits = Math.abs(value) < 10 ? 1 : 0;
  const options = { maximumFractionDigits: digits, signDisplay: "exceptZero" } as const;
  return `${new Intl.NumberFormat(locale, options).format(value)} %`;
}

/** A calendar date has no zone: formatting it in UTC keeps it that date. */
function calendar(date: LocalDate, options: Intl.DateTimeFormatOptions, locale: string): string {
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(
    new Date(`${date}T00:00:00Z`),
  );
}

export function dayName(date: LocalDate, locale: string): string {
  return calendar(date, { weekday: "long", day: "numeric", month: "long", year: "numeric" }, locale);
}

export function longDate(date: LocalDate, locale: string): string {
  return calendar(date, { day: "numeric", month: "long", year: "numeric" }, locale);
}

/** `mon` to `sun` as a tariff has them, in short. */
export function weekdayName(day: string, locale: string): string {
  const place = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].indexOf(day);
  // 5 January 1970 was a Monday.
  return place < 0 ? day : calendar(addDays("1970-01-05", place), { weekday: "short" }, locale);
}

export function shortDay(date: LocalDate, locale: string): string {
  return calendar(date, { weekday: "short", day: "numeric" }, locale);
}

/** With its month, without its year. */
export function mediumDay(date: LocalDate, locale: string): string {
  return calendar(date, { weekday: "short", day: "numeric", month: "short" }, locale);
}

export function shortMonth(month: LocalMonth, locale: string): string {
  return calendar(`${month}-01`, { month: "short" }, locale);
}

export function monthName(month: LocalMonth, locale: string): string {
  return calendar(`${month}-01`, { month: "long", year: "numeric" }, locale);
}

export function daySpan(first: LocalDate, end: LocalDate, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });
  return format.formatRange(new Date(`${first}T00:00:00Z`), new Date(`${addDays(end, -1)}T00:00:00Z`));
}

export function dateTime(at: number | string, zone: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: zone,
  }).format(new Date(at));
}

/** The date alone, as the deployment's calendar had it at that instant. */
export function dateOnly(at: string, zone: string, locale: string): string {
  const options = { day: "numeric", month: "short", year: "numeric", timeZone: zone } as const;
  return new Intl.DateTimeFormat(locale, options).format(new Date(at));
}

/** `India Standard Time (Asia/Kolkata)`: what the reader calls it, and which one it is. */
export function zoneName(zone: string, locale: string): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "long" }).formatToParts();
  const name = parts.find(({ type }) => type === "timeZoneName")?.value;
  return name ? `${name} (${zone})` : zone;
}

export function clockTime(at: number, zone: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: zone,
  }).format(at);
}

const acronym = (word: string) => (/8$/.test(word) ? "UTF-8" : word.toUpperCase());

/** `snake_case` codes that have no sentence of their own yet. */
export function plainWords(code: string): string {
  const words = code
    .replace(/[_-]+/g, " ")
    .replace(/\b(json|utf ?8)\b/gi, acronym)
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
