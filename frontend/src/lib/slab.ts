import type { Bill, NewTariff } from "../api/types";
import { divide, type Micro, micro, percentOf, wattHours } from "./decimal";

/**
 * What a kilowatt-hour costs, and where in the slabs a month stands, by the tariff's own figures. Billing
 * itself is the server's: this prices the next unit and a day's part, which no bill has a line for.
 */
export interface Place {
  /** Used so far in what the slabs count: the month, or the part of it that starts anew. */
  usedWh: bigint;
  /** Slab bounds × days / monthDays. */
  days: number;
  monthDays: number;
}

export interface SlabPlace {
  index: number;
  rate: string;
  /** What lies above: null in the last slab. `jump` is what all of the use so far becomes dearer by on entering. */
  next: { leftWh: bigint; boundWh: bigint; rate: string; jump: Micro } | null;
}

const WH_PER_KWH = 1000n;

function boundOf(upTo: number, { days, monthDays }: Place): bigint {
  return divide(wattHours(upTo) * BigInt(days), BigInt(monthDays));
}

/** Where a bill's last part stands. `prorate_slabs` lets each part of a month start at zero. */
export function placeOf(bill: Bill, tariff: NewTariff): Place {
  const segment = bill.segments?.at(-1);
  if (!tariff.prorate_slabs || !segment)
    return { usedWh: wattHours(bill.consumption_kwh), days: 1, monthDays: 1 };
  const { consumption_kwh, days, month_days } = segment;
  return { usedWh: wattHours(consumption_kwh), days, monthDays: month_days };
}

/** The slab that the next watt-hour is priced in: an upper bound belongs to its slab, what follows does not. */
export function slabPlace(tariff: NewTariff, place: Place): SlabPlace {
  const { slabs } = tariff;
  const found = slabs.findIndex(({ up_to_kwh: to }) => to === null || boundOf(to, place) > place.usedWh);
  const index = found < 0 ? slabs.length - 1 : found;
  const [slab, above] = [slabs[index], slabs[index + 1]];
  const rate = slab?.rate ?? "0";
  if (!slab || slab.up_to_kwh === null || !above) return { index, rate, next: null };
  const boundWh = boundOf(slab.up_to_kwh, place);
  const dearer = micro(above.rate) - micro(rate);
  return {
    index,
    rate,
    next: {
      leftWh: boundWh - place.usedWh,
      boundWh,
      rate: above.rate,
      jump: tariff.slab_mode === "whole_use" ? divide(dearer * boundWh, WH_PER_KWH) : 0n,
    },
  };
}

/** The energy of `toWh` less that of `fromWh`, before surcharges and taxes. */
export function energyCost(tariff: NewTariff, place: Place, fromWh: bigint, toWh: bigint): Micro {
  if (tariff.slab_mode === "whole_use") {
    // Of a bound's last watt-hour the slab is still its own.
    const { rate } = slabPlace(tariff, { ...place, usedWh: toWh > 0n ? toWh - 1n : 0n });
    return divide(micro(rate) * (toWh - fromWh), WH_PER_KWH);
  }
  let [cost, low] = [0n, 0n];
  for (const { up_to_kwh, rate } of tariff.slabs) {
    const high = up_to_kwh === null ? toWh : boundOf(up_to_kwh, place);
    const [begin, end] = [low > fromWh ? low : fromWh, high < toWh ? high : toWh];
    if (end > begin) cost += micro(rate) * (end - begin);
    low = high;
  }
  return divide(cost, WH_PER_KWH);
}

/** With the surcharges and taxes that go with energy. `percent` is a time-of-day window's, 0 outside of all. */
export function withExtras(tariff: NewTariff, energy: Micro, wh: bigint, percent = "0"): Micro {
  const timed = percentOf(energy, percent);
  let surcharge = 0n;
  for (const { per_kwh, percent: share } of tariff.surcharges ?? []) {
    if (per_kwh) surcharge += divide(micro(per_kwh) * wh, WH_PER_KWH);
    if (share) surcharge += percentOf(energy + timed, share);
  }
  const of: Record<string, Micro> = { energy, time_of_day: timed, surcharge };
  let total = energy + timed + surcharge;
  for (const { percent: rate, on } of tariff.taxes ?? []) {
    const base = Object.entries(of).reduce(
      (all, [kind, v]) => (!on || on.includes(kind as never) ? all + v : all),
      0n,
    );
    total += percentOf(base, rate);
  }
  return total;
}

/** What one kilowatt-hour more costs from here, all in. */
export function unitPrice(tariff: NewTariff, place: Place, percent = "0"): Micro {
  return withExtras(tariff, micro(slabPlace(tariff, place).rate), WH_PER_KWH, percent);
}

/** What the last `wh` of the use so far have cost, all in but for time of day: today's part of a month. */
export function partPrice(tariff: NewTariff, place: Place, wh: bigint): Micro {
  const from = place.usedWh > wh ? place.usedWh - wh : 0n;
  return withExtras(tariff, energyCost(tariff, place, from, place.usedWh), place.usedWh - from);
}
