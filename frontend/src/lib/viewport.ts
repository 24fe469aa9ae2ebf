/** The part of a range that a chart shows, and how it is moved: instants in, instants out. */
export interface Span {
  from: number;
  to: number;
}

/** Below this there is nothing to see: meters speak every few seconds. */
const NARROWEST_MS = 30 * 60_000;

const length = ({ from, to }: Span) => to - from;

/** As long as it was, moved into the bounds; all of them where it is longer. */
function within(span: Span, bounds: Span): Span {
  const long = Math.min(length(span), length(bounds));
  const from = Math.min(Math.max(span.from, bounds.from), bounds.to - long);
  return { from, to: from + long };
}

/** Closer (`factor` below 1) or farther, so that `at` stays where it is on the screen. */
export function zoom(span: Span, bounds: Span, factor: number, at: number): Span {
  const narrowest = Math.min(NARROWEST_MS, length(bounds));
  const long = Math.min(Math.max(length(span) * factor, narrowest), length(bounds));
  const share = (Math.min(Math.max(at, span.from), span.to) - span.from) / length(span);
  const from = Math.round(at - long * share);
  return within({ from, to: from + Math.round(long) }, bounds);
}

/** To later times when positive; no farther than the bounds. */
export function pan(span: Span, bounds: Span, byMs: number): Span {
  return within({ from: Math.round(span.from + byMs), to: Math.round(span.to + byMs) }, bounds);
}

export function isWhole(span: Span, bounds: Span): boolean {
  return span.from <= bounds.from && span.to >= bounds.to;
}

/** Two fingers: what lay under them stays under them. */
export function pinch(
  span: Span,
  bounds: Span,
  before: readonly [number, number],
  now: readonly [number, number],
): Span {
  const spread = ([a, b]: readonly [number, number]) => Math.max(Math.abs(b - a), 1);
  const middle = ([a, b]: readonly [number, number]) => (a + b) / 2;
  const factor = spread(before) / spread(now);
  const zoomed = zoom(span, bounds, factor, middle(before));
  return pan(zoomed, bounds, (middle(before) - middle(now)) * (length(zoomed) / length(span)));
}
