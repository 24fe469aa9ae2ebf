/**
 * Money comes as decimal strings and stays one. Intl formats such strings exactly, so no amount ever
 * passes through a binary float.
 */
type Numeric = `${number}`;

const DECIMAL = /^-?\d+(\.\d+)?$/;

function isDecimal(text: string): text is Numeric {
  return DECIMAL.test(text);
}

export function placesOf(text: string): number {
  const dot = text.indexOf(".");
  return dot < 0 ? 0 : text.length - dot - 1;
}

/** `"1888.00"`, `INR` to `₹1,888.00`; what is no decimal string is shown as it came. */
export function formatMoney(amount: string, currency: string, locale: string): string {
  if (!isDecimal(amount)) return amount;
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(amount);
}

/** A rate keeps all of its places, at least the currency's usual ones: `"3.505"` to `₹3.505`. */
export function formatRate(rate: string, currency: string, locale: string): string {
  if (!isDecimal(rate)) return rate;
  const usual = new Intl.NumberFormat(locale, { style: "currency", currency }).resolvedOptions();
  const digits = Math.max(usual.maximumFractionDigits ?? 2, placesOf(rate));
  return new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(rate);
}

/** A decimal string with grouping and exactly the places that it came with. */
export function formatDecimal(text: string, locale: string): string {
  if (!isDecimal(text)) return text;
  const digits = placesOf(text);
  return new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(text);
}

/** `"18.00"` to `18`, `"2.50"` to `2.5`: a per cent without padding. */
export function trimDecimal(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** How many decimals the currency has: the amounts of bills have just these. */
export function minorDigits(currency: string): number {
  return (
    new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2
  );
}

/** A decimal string as an integer of its last place: `scaled("3.5", 6)` is 3500000n. Null: it is none, or has more places. */
export function scaled(text: string, digits: number): bigint | null {
  if (!isDecimal(text) || placesOf(text) > digits) return null;
  return BigInt(text.replace(".", "") + "0".repeat(digits - placesOf(text)));
}

/** The way back: `unscaled(350n, 2)` is `"3.50"`. */
export function unscaled(value: bigint, digits: number): string {
  const figures = (value < 0n ? -value : value).toString().padStart(digits + 1, "0");
  const whole = figures.slice(0, figures.length - digits);
  return `${value < 0n ? "-" : ""}${whole}${digits > 0 ? `.${figures.slice(figures.length - digits)}` : ""}`;
}

/** Amounts of one currency added up, as a decimal string. */
export function sumMoney(amounts: readonly string[], currency: string): string {
  const digits = minorDigits(currency);
  return unscaled(
    amounts.reduce((sum, amount) => sum + (scaled(amount, digits) ?? 0n), 0n),
    digits,
  );
}
