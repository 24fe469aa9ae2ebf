/**
 * Ages are told by the server's clock: a phone that is ten minutes wrong must not call a live meter
 * silent. `Date` headers have whole seconds, so small differences are left alone.
 */
const TOLERANCE_MS = 3000;
let skewMs = 0;

export function observeServerDate(header: string | null, nowMs = Date.now()): void {
  const server = header ? Date.parse(header) : Number.NaN;
  if (Number.isNaN(server)) return;
  const difference = server - nowMs;
  skewMs = Math.abs(difference) > TOLERANCE_MS ? difference : 0;
}

export function serverNow(): number {
  return Date.now() + skewMs;
}
