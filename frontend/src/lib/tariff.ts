import type { Bill, BillLine, Tariff } from "../api/types";
import { words } from "../text/text";
import { kindWords } from "./bill-words";
import { weekdayName } from "./format";
import { formatRate, trimDecimal } from "./money";
import type { LocalDate } from "./zone";

/** `0–100 kWh`, `100–300 kWh`, `over 300 kWh`: as a bill names them. */
export function slabName(slabs: Tariff["slabs"], index: number): string {
  const from = index === 0 ? 0 : (slabs[index - 1]?.up_to_kwh ?? 0);
  const to = slabs[index]?.up_to_kwh ?? null;
  if (to !== null) return `${from}–${to} kWh`;
  const t = words("tariff");
  return from === 0 ? t("everyKwh") : t("over", { kwh: from });
}

/** The version that a day is priced by: the latest begun; of two begun on one day, the later one. */
export function inForce(versions: readonly Tariff[], today: LocalDate): Tariff | null {
  const begun = versions.filter(({ effective_from }) => effective_from <= today);
  begun.sort((a, b) => a.effective_from.localeCompare(b.effective_from) || a.version - b.version);
  return begun.at(-1) ?? null;
}

/** The version that the last part of a bill is priced by. */
export function tariffOf(bill: Pick<Bill, "segments">, versions: readonly Tariff[]): Tariff | null {
  const segment = bill.segments?.at(-1);
  return (
    versions.find(({ name, version }) => name === segment?.tariff && version === segment.version) ?? null
  );
}

/** Everything of a version beside its slabs, as name and value. */
export function tariffTerms(tariff: Tariff, currency: string, locale: string): [string, string][] {
  const t = words("tariff");
  const dayWord = (day: string) => (day === "holiday" ? t("holiday") : weekdayName(day, locale));
  const kindWord = (kind: BillLine["kind"]) => kindWords(kind).toLocaleLowerCase(locale);
  const rate = (value: string) => formatRate(value, currency, locale);
  const terms: [string, string][] = [[t("fixed"), rate(tariff.fixed_charge)]];
  if (tariff.fixed_per_kw) terms.push([t("fixedPerKw"), rate(tariff.fixed_per_kw)]);
  if (tariff.minimum_charge) terms.push([t("minimum"), rate(tariff.minimum_charge)]);
  if (tariff.demand)
    terms.push([t("demand", { minutes: tariff.demand.window_minutes }), rate(tariff.demand.rate_per_kw)]);
  for (const { name, from, to, days, percent } of tariff.time_of_day ?? [])
    terms.push([
      `${name}, ${from}–${to}${days ? `, ${days.map(dayWord).join(" ")}` : ""}`,
      `${trimDecimal(percent)} %`,
    ]);
  for (const { name, per_kwh, percent } of tariff.surcharges ?? [])
    terms.push([name, per_kwh ? t("perKwh", { rate: rate(per_kwh) }) : `${trimDecimal(percent ?? "0")} %`]);
  for (const { name, percent, on } of tariff.taxes ?? [])
    terms.push([
      on ? t("taxOn", { tax: name, kinds: on.map(kindWord).join(", ") }) : name,
      `${trimDecimal(percent)} %`,
    ]);
  return terms;
}
