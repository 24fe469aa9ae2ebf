import type { TrailPoint } from "../live/store";

export const SPARK_WIDTH = 300;
export const SPARK_HEIGHT = 44;

/** Longer than this without a reading is a gap, and no line is drawn over it. */
const GAP_MS = 3 * 60_000;

/** What was loaded, up to where what was seen live begins. */
export function joinTrail(loaded: readonly TrailPoint[], live: readonly TrailPoint[]): TrailPoint[] {
  // A single live point is the last reading that came with the list: it says nothing of a start.
  const first = live.length > 1 ? (live[0]?.at ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  const before = loaded.filter((point) => point.at < first);
  const last = before.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  return [...before, ...live.filter((point) => point.at > last)];
}

/** A line of less than this would be a speck. */
const SHORTEST_MS = 30_000;

export interface Spark {
  line: string;
  area: string;
  low: number;
  high: number;
}

/** Paths from zero up to the highest value within the window that ends at `now`. */
export function spark(points: readonly TrailPoint[], now: number, windowMs: number): Spark | null {
  const seen = points.filter((point) => point.at > now - windowMs && point.at <= now + GAP_MS);
  const span = (seen.at(-1)?.at ?? 0) - (seen[0]?.at ?? 0);
  if (span < SHORTEST_MS) return null;
  const watts = seen.map((point) => point.watts);
  const [low, high] = [Math.min(...watts), Math.max(...watts)];
  const x = (at: number) => (Math.min(1, 1 - (now - at) / windowMs) * SPARK_WIDTH).toFixed(1);
  const y = (value: number) =>
    (SPARK_HEIGHT - 2 - (value / Math.max(high, 1)) * (SPARK_HEIGHT - 6)).toFixed(1);
  let line = "";
  let area = "";
  let start = "";
  seen.forEach((point, i) => {
    const before = seen[i - 1];
    const position = `${x(point.at)} ${y(point.watts)}`;
    if (before && point.at - before.at <= GAP_MS) {
      line += `L${position}`;
      area += `L${position}`;
      return;
    }
    if (before) area += `L${x(before.at)} ${SPARK_HEIGHT}L${start} ${SPARK_HEIGHT}Z`;
    start = x(point.at);
    line += `M${position}`;
    area += `M${position}`;
  });
  const last = seen.at(-1);
  if (last) area += `L${x(last.at)} ${SPARK_HEIGHT}L${start} ${SPARK_HEIGHT}Z`;
  return { line, area, low, high };
}
