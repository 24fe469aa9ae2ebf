/**
 * Exact arithmetic on the decimal strings that money, rates and per cents come as. In between they are
 * whole millionths (`bigint`), the server's own scale of a rate: no amount passes through a float.
 */
export type Micro = bigint;

const PLACES = 6;
const ONE = 1_000_000n;
const DECIMAL = /^(-?)(\d+)(?:\.(\d{1,6}))?$/;

/** `"3.50"` to 3500000n. Throws at what is no decimal of at most six places. */
export function micro(text: string): Micro {
  const [, sign, whole = "", part = ""] = DECIMAL.exec(text) ?? [];
  if (sign === undefined) throw new RangeError(`not a decimal: ${text}`);
  const value = BigInt(whole) * ONE + BigInt(part.padEnd(PLACES, "0"));
  return sign === "-" ? -value : value;
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
  const step = 10n ** BigInt(PLACES - places);
  const units = divide(value, step);
  const text = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  const sign = units < 0n ? "-" : "";
  return places === 0 ? sign + text : `${sign}${text.slice(0, -places)}.${text.slice(-places)}`;
}

export function placesOf(text: string): number {
  const dot = text.indexOf(".");
  return dot < 0 ? 0 : text.length - dot - 1;
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
