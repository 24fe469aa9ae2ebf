import { placesOf, scaled, unscaled } from "./money";

/**
 * Exact arithmetic on the decimal strings that money, rates and per cents come as. In between they are
 * whole millionths (`bigint`), the server's own scale of a rate: no amount passes through a float.
 */
export type Micro = bigint;

const PLACES = 6;
const ONE = 1_000_000n;

/** `"3.50"` to 3500000n. Throws at what is no decimal of at most six places. */
export function micro(text: string): Micro {
  const value = scaled(text, PLACES);
  if (value === null) throw new RangeError(`not a decimal: ${text}`);
  return value;
}

/** The nearest whole number to a quotient, half away from zero, as everywhere in billing. */
export function divide(value: bigint, by: bigint): bigint {
  const [a, b] = [value < 0n ? -value : value, by < 0n ? -by : by];
  const nearest = (2n * a + b) / (2n * b);
  return value < 0n === by < 0n ? nearest : -nearest;
}

export function multiply(a: Micro, b: Micro): Micro {
  return divide(a * b, ONE);
}

/** A share of a price: `percentOf(micro("100"), "18")` is 18. */
export function percentOf(value: Micro, percent: string): Micro {
  return divide(value * micro(percent), 100n * ONE);
}

/** Back to a decimal string, rounded once. */
export function decimal(value: Micro, places = 2): string {
  return unscaled(divide(value, 10n ** BigInt(PLACES - places)), places);
}

/** The difference of two amounts, with as many places as the longer one has. */
export function subtract(a: string, b: string): string {
  return decimal(micro(a) - micro(b), Math.max(placesOf(a), placesOf(b)));
}

export function sum(amounts: readonly string[]): string {
  const places = amounts.reduce((most, text) => Math.max(most, placesOf(text)), 0);
  return decimal(
    amounts.reduce((total, text) => total + micro(text), 0n),
    places,
  );
}

/** -1, 0 or 1. */
export function signOf(text: string): number {
  const value = micro(text);
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

/** Without its sign: words say whether it is more or less. */
export function size(text: string): string {
  return text.startsWith("-") ? text.slice(1) : text;
}

/** Energy in whole watt-hours: the API's kWh have three places. */
export function wattHours(kwh: number): bigint {
  return BigInt(Math.round(kwh * 1000));
}
