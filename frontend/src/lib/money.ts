/**
 * Money comes as decimal strings and stays one. Intl formats such strings exactly, so no amount ever
 * passes through a binary float.
 */
type Numeric = `${number}`;

const DECIMAL = /^-?\d+(\.\d+)?$/;

function isDecimal(text: string): text is Numeric {
  return DECIMAL.test(text);
}

function places(text: string): number {
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
  const digits = Math.max(usual.maximumFractionDigits ?? 2, places(rate));
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
  const digits = places(text);
  return new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(text);
}

/** `"18.00"` to `18`, `"2.50"` to `2.5`: a per cent without padding. */
export function trimDecimal(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
