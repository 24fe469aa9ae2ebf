import type { NewTariff } from "../api/types";
import { divide, wattHours } from "./decimal";
import { scaled, unscaled } from "./money";

/**
 * What a month costs by a tariff, however much is used: the rules of docs/billing.md for a whole month
 * that nothing cuts. Windows of the day and demand are not in it, since they follow from when the
 * power is drawn. Integers throughout: Wh, millionths of the currency, its smallest unit.
 */
export interface MonthPrice {
  /** In the currency's smallest unit, and so all others. */
  energy: bigint;
  fixed: bigint;
  surcharges: bigint;
  minimum: bigint;
  tax: bigint;
  rounding: bigint;
  total: bigint;
}

const MICRO = 6;
const DEFAULT_TAXED = ["energy", "time_of_day", "demand", "fixed", "surcharge", "minimum", "true_up"];

// A draft is being typed: what is no figure yet counts as nothing.
const micro = (text: string | undefined) => scaled(text ?? "0", MICRO) ?? 0n;

/** How much of a use lies in each slab. A slab's upper bound belongs to it. */
export function slabParts(slabs: NewTariff["slabs"], mode: NewTariff["slab_mode"], wh: bigint): bigint[] {
  let from = 0n;
  let open = true;
  return slabs.map(({ up_to_kwh }) => {
    const to = up_to_kwh === null ? null : wattHours(up_to_kwh);
    const inside = to === null || wh < to ? wh : to;
    const ends = open && (to === null || wh <= to);
    const part = mode === "whole_use" ? (ends ? wh : 0n) : inside > from ? inside - from : 0n;
    if (ends) open = false;
    if (to !== null) from = to;
    return part;
  });
}

export function monthPrice(tariff: NewTariff, kwh: number, digits: number, loadKw = 0): MonthPrice {
  const unit = 10n ** BigInt(MICRO - digits);
  const wh = wattHours(kwh);
  const parts = slabParts(tariff.slabs, tariff.slab_mode, wh);
  const energy = tariff.slabs.reduce(
    (sum, { rate }, i) => sum + divide((parts[i] ?? 0n) * micro(rate), 1000n * unit),
    0n,
  );
  const load = wattHours(loadKw);
  const fixed =
    divide(micro(tariff.fixed_charge), unit) + divide(micro(tariff.fixed_per_kw) * load, 1000n * unit);
  const surcharges = (tariff.surcharges ?? []).reduce((sum, { per_kwh, percent }) => {
    const amount =
      per_kwh === undefined
        ? divide(energy * micro(percent), 100_000_000n)
        : divide(wh * micro(per_kwh), 1000n * unit);
    return sum + amount;
  }, 0n);
  const least = divide(micro(tariff.minimum_charge), unit);
  const minimum = least > energy + fixed ? least - energy - fixed : 0n;
  const lines: Record<string, bigint> = { energy, fixed, surcharge: surcharges, minimum };
  const tax = (tariff.taxes ?? []).reduce((sum, { percent, on }) => {
    const base = (on ?? DEFAULT_TAXED).reduce((all, kind) => all + (lines[kind] ?? 0n), 0n);
    return sum + divide(base * micro(percent), 100_000_000n);
  }, 0n);
  const exact = energy + fixed + surcharges + minimum + tax;
  const step = divide(micro(tariff.round_total_to), unit);
  const total = step > 1n ? divide(exact, step) * step : exact;
  return { energy, fixed, surcharges, minimum, tax, rounding: total - exact, total };
}

export interface CurvePoint {
  kwh: number;
  /** A month with that use. */
  total: string;
  /** What one more kWh adds to it. */
  next: string;
}

const STEPS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000];

/** Even steps from nothing to half as far again as the last bound, so that every slab is seen. */
export function curveSteps(slabs: NewTariff["slabs"], points = 40): number[] {
  const last = Math.max(0, ...slabs.map(({ up_to_kwh }) => up_to_kwh ?? 0));
  const reach = last > 0 ? last * 1.5 : 500;
  const step = STEPS.find((size) => reach / size <= points) ?? Math.ceil(reach / points);
  return Array.from({ length: Math.ceil(reach / step) + 1 }, (_, i) => i * step);
}

export function priceCurve(tariff: NewTariff, digits: number, loadKw = 0): CurvePoint[] {
  return curveSteps(tariff.slabs).map((kwh) => {
    const { total } = monthPrice(tariff, kwh, digits, loadKw);
    const more = monthPrice(tariff, kwh + 1, digits, loadKw).total;
    return { kwh, total: unscaled(total, digits), next: unscaled(more - total, digits) };
  });
}
