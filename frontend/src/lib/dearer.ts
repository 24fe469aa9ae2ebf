import type { Bill, NewTariff } from "../api/types";
import { decimal, divide, type Micro, micro, wattHours } from "./decimal";
import { energyCost, placeOf } from "./slab";

/** What made a bill dearer or cheaper than another one. `use`: other kWh at the old prices; `rate`: the same kWh at other prices. */
export type Cause =
  | "use"
  | "rate"
  | "fixed"
  | "demand"
  | "time_of_day"
  | "surcharge"
  | "minimum"
  | "true_up"
  | "tax"
  | "rounding";

export interface Part {
  cause: Cause;
  /** More when positive. */
  amount: string;
}

export interface Comparison {
  before: { total: string; kwh: number; days: number; kw: number | null };
  after: { total: string; kwh: number; days: number; kw: number | null };
  difference: string;
  /** The largest first, none of them zero; together exactly the difference. */
  parts: Part[];
  /** The day of the later bill on which most was used. */
  highest: { date: string; kwh: number } | null;
}

function sumOf(bill: Bill, wanted: string): Micro {
  return bill.lines.reduce(
    (total, { kind, amount }) => (kind === wanted ? total + micro(amount) : total),
    0n,
  );
}

function kwOf(bill: Bill): number | null {
  const measured = (bill.segments ?? []).flatMap(({ demand }) => (demand ? [demand.kw] : []));
  return measured.length > 0 ? Math.max(...measured) : null;
}

function factsOf(bill: Bill) {
  const segments = bill.segments ?? [];
  const days = segments.reduce((total, segment) => total + segment.days, 0);
  return { total: bill.total, kwh: bill.consumption_kwh, days, kw: kwOf(bill) };
}

/**
 * What the later use would have cost at the earlier prices. By the earlier tariff where one held for the
 * whole month, so that a slab that was entered counts as use; else by the mean price of a kWh.
 */
function atOldPrices(before: Bill, after: Bill, tariff: NewTariff | null): Micro {
  const used = wattHours(after.consumption_kwh);
  if (tariff && before.segments?.length === 1) {
    const place = placeOf(before, tariff);
    // The bill's own rounding stands: only the difference in use is priced here.
    return (
      sumOf(before, "energy") +
      energyCost(tariff, place, 0n, used) -
      energyCost(tariff, place, 0n, place.usedWh)
    );
  }
  const was = wattHours(before.consumption_kwh);
  return was === 0n ? 0n : divide(sumOf(before, "energy") * used, was);
}

const others = [
  "fixed",
  "demand",
  "time_of_day",
  "surcharge",
  "minimum",
  "true_up",
  "tax",
  "rounding",
] as const;

/** Why `after` costs more, or less, than `before`; `tariff` is the one version that `before` was priced by, if known. */
export function compareBills(before: Bill, after: Bill, tariff: NewTariff | null): Comparison {
  const energy = [sumOf(before, "energy"), sumOf(after, "energy")] as const;
  const middle = atOldPrices(before, after, tariff);
  // Amounts of a bill are whole minor units: the middle is rounded to one, and the parts still add up.
  const places = Math.max(...[before.total, after.total].map((text) => text.split(".")[1]?.length ?? 0));
  const between = micro(decimal(middle, places));
  const size = (value: Micro) => (value < 0n ? -value : value);
  // Each line is rounded by half a minor unit at most, and so is the middle: as little as that is no change of rates.
  const rest = energy[1] - between;
  const lines = [before, after].flatMap((bill) => bill.lines.filter(({ kind }) => kind === "energy")).length;
  const rounded = size(rest) * 2n <= (micro("1") / 10n ** BigInt(places)) * BigInt(lines + 1);
  const causes: [Cause, Micro][] = [
    ["use", between - energy[0]],
    ["rate", rounded ? 0n : rest],
    ...others.map((kind): [Cause, Micro] => {
      const more = sumOf(after, kind) - sumOf(before, kind);
      return [kind, kind === "rounding" && rounded ? more + rest : more];
    }),
  ];
  const parts = causes
    .filter(([, value]) => value !== 0n)
    .sort(([, a], [, b]) => (size(b) > size(a) ? 1 : size(b) < size(a) ? -1 : 0))
    .map(([cause, value]) => ({ cause, amount: decimal(value, places) }));
  const days = after.days ?? [];
  const highest = days.reduce<Comparison["highest"]>(
    (most, day) => (most && most.kwh >= day.kwh ? most : day),
    null,
  );
  return {
    before: factsOf(before),
    after: factsOf(after),
    difference: decimal(micro(after.total) - micro(before.total), places),
    parts,
    highest: highest && highest.kwh > 0 ? highest : null,
  };
}
