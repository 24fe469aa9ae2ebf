import type { AlertQuery } from "../api/endpoints";
import type { Alert, AlertKind, AlertPage, Device } from "../api/types";
import { codeWords, words } from "../text/text";
import { energy, measure, monthName, power, register, whole } from "./format";
import type { Place } from "./hooks";
import { formatMoney } from "./money";
import { dateOf, monthOf } from "./zone";

/** In the order in which people meet them. */
export const ALERT_KINDS = [
  "overload",
  "voltage_low",
  "voltage_high",
  "budget_money",
  "budget_energy",
  "odd_hours",
  "night_baseload",
  "silent",
  "register_reset",
  "certificate",
] as const satisfies readonly AlertKind[];

function fits({ state, kind, device_id }: Alert, query: AlertQuery): boolean {
  if (query.kind && query.kind !== kind) return false;
  if (query.device && query.device !== device_id) return false;
  return !query.state || query.state === state || (query.state === "unended" && state !== "ended");
}

/**
 * Pages of a list, the newest first, after something of an alert changed. One that is shown stays where it is, even if it
 * does not fit the query any more: it must not go from under a finger. One that is newer than all comes to the front.
 */
export function withAlert(pages: readonly AlertPage[], alert: Alert, query: AlertQuery): AlertPage[] {
  if (pages.some(({ alerts }) => alerts.some(({ id }) => id === alert.id)))
    return pages.map((page) => ({
      ...page,
      alerts: page.alerts.map((known) => (known.id === alert.id ? alert : known)),
    }));
  const [first, ...others] = pages;
  const newest = first?.alerts[0]?.id ?? 0;
  if (!first || !fits(alert, query) || alert.id < newest) return [...pages];
  return [{ ...first, alerts: [alert, ...first.alerts] }, ...others];
}

const lengths = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
] as const;

/** `2 hours 5 minutes`: rounded down, the two greatest units that there are. */
export function lengthOf(seconds: number, locale: string): string {
  let rest = Math.max(0, Math.floor(seconds));
  const first = lengths.findIndex(([size]) => rest >= size);
  const at = first < 0 ? lengths.length - 1 : first;
  const parts: string[] = [];
  for (const [size, unit] of lengths.slice(at, at + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length === 0)
      parts.push(new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(count));
  }
  return parts.join(" ");
}

/** An alert's figure, with its unit, as people write it. */
function amount(value: Alert["value"], { kind, unit }: Alert, locale: string): string {
  if (kind === "budget_money") return formatMoney(String(value), unit, locale);
  const number = Number(value);
  if (unit === "s") return lengthOf(number, locale);
  if (unit === "V") return measure(number, 1, "V", locale);
  if (unit === "kWh") return kind === "register_reset" ? register(number, locale) : energy(number, locale);
  if (unit === "W") {
    const shown = power(number, locale);
    return `${shown.value} ${shown.unit}`;
  }
  return whole(Math.trunc(number), locale);
}

/** What happened, in a sentence. Of a kind that is newer than this page only its figures are told. */
export function alertSentence(
  alert: Alert,
  { locale, timezone }: Pick<Place, "locale" | "timezone">,
): string {
  const t = words("alerts");
  // A figure is not parted from its unit at the end of a line.
  const figure = (of: Alert["value"]) => amount(of, alert, locale).replaceAll(" ", "\u00a0");
  const [value, limit] = [figure(alert.value), figure(alert.limit)];
  const month = monthName(monthOf(dateOf(Date.parse(alert.opened_at), timezone)), locale);
  if (alert.kind === "certificate") {
    const what = codeWords("alerts", "subject", alert.subject ?? "meter") ?? alert.subject ?? "";
    const days = Math.trunc(Number(alert.value));
    return days > 0 ? t("say.certificate", { what, count: days }) : t("say.certificateOver", { what });
  }
  const said = { value, limit, month };
  return (ALERT_KINDS as readonly string[]).includes(alert.kind)
    ? t(`say.${alert.kind}`, said)
    : t("say.other", said);
}

export function alertTitle(kind: string): string {
  return codeWords("alerts", "kind", kind) ?? kind;
}

/** For how long it has been so, or was. */
export function lasted(alert: Alert, nowMs: number, locale: string): string {
  const end = alert.ended_at ? Date.parse(alert.ended_at) : nowMs;
  return lengthOf((end - Date.parse(alert.opened_at)) / 1000, locale);
}

/** Meters that somebody who types this may mean, by id or name: so many at most. */
export function matchingMeters(meters: readonly Device[], text: string, most: number): Device[] {
  const wanted = text.trim().toLowerCase();
  const found: Device[] = [];
  for (const meter of meters) {
    if (found.length === most) break;
    if (`${meter.device_id} ${meter.name ?? ""}`.toLowerCase().includes(wanted)) found.push(meter);
  }
  return found;
}

/** The id that is meant: typed whole, or a name that only one meter has. */
export function meterMeant(meters: readonly Device[], text: string): string {
  const wanted = text.trim();
  if (meters.some(({ device_id }) => device_id === wanted)) return wanted;
  const named = meters.filter(({ name }) => name?.toLowerCase() === wanted.toLowerCase());
  return named.length === 1 && named[0] ? named[0].device_id : wanted;
}
