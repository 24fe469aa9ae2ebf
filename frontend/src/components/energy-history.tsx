import { Skeleton } from "@mantine/core";
import { lazy, Suspense, useCallback, useMemo } from "react";
import { useHistory } from "../api/queries";
import type { Aggregate } from "../api/types";
import { chartOptions, type Dataset } from "../lib/chart-options";
import { difference, priorSpan } from "../lib/compare";
import { energy } from "../lib/format";
import { inSight } from "../lib/history";
import { useNow, usePlace } from "../lib/hooks";
import { bucketName, rangeName } from "../lib/labels";
import { alignRows, bucketEdges, detailIn, neighbour, type Range, spanToLoad } from "../lib/range";
import type { Span } from "../lib/viewport";
import { useText } from "../text/text";
import { HistoryDifference } from "./history-difference";
import { HistoryFigures } from "./history-figures";
import css from "./history-panel.module.css";
import { HistoryTable } from "./history-table";
import { Failure, Notice } from "./notice";
import type { Palette } from "./time-chart";
import "../text/later";

const TimeChart = lazy(() => import("./time-chart"));

export interface HistoryProps {
  id: string;
  range: Range;
  /** What is in sight, and what of it to load: it follows when the hand has come to rest. */
  span: Span;
  wanted: Span;
  onSpan: (span: Span) => void;
  onStep: (by: -1 | 1) => void;
}

const DAY = 24 * 3_600_000;

/** Bars of energy, their sums, and the same of the period before. */
export function EnergyHistory({
  id,
  range,
  span,
  wanted,
  onSpan,
  onStep,
  compare,
}: HistoryProps & { compare: boolean }) {
  const { t } = useText("charts");
  const { locale, timezone } = usePlace();
  const now = useNow(60_000);
  const { bar } = detailIn(range, wanted.to - wanted.from);
  const finer = bar !== detailIn(range, range.to - range.from).bar;
  const load = spanToLoad(range, wanted, finer, timezone);
  const { data, error, refetch } = useHistory(id, load, bar);
  const before = neighbour(range, -1, timezone);
  const prior = priorSpan(load, range, before, timezone);
  const { data: earlier, error: noEarlier, refetch: again } = useHistory(id, prior, bar, compare);
  const present = data && data.from < range.to && data.to > range.from ? data : undefined;

  const edges = useMemo(
    () => (present ? bucketEdges(present.from, present.to, present.width, timezone) : []),
    [present, timezone],
  );
  const rows = useMemo(() => alignRows(edges.slice(0, -1), present?.rows ?? []), [edges, present]);
  const priorRows = useMemo(() => {
    const fits = compare && earlier?.width === present?.width && earlier?.from === prior.from;
    if (!earlier || !fits) return null;
    return alignRows(
      bucketEdges(earlier.from, earlier.to, earlier.width, timezone).slice(0, -1),
      earlier.rows,
    );
  }, [compare, earlier, present, prior.from, timezone]);
  const nameOf = useCallback(
    (i: number) => {
      const oneDay = range.to - range.from < 1.1 * DAY;
      return bucketName(edges[i] ?? 0, edges[i + 1] ?? 0, present?.width ?? "1d", timezone, locale, oneDay);
    },
    [edges, present, range, timezone, locale],
  );

  const config = useCallback(
    (palette: Palette) => {
      const middle = (i: number) => ((edges[i] ?? 0) + (edges[i + 1] ?? 0)) / 2;
      const bars = (label: string, values: readonly (Aggregate | null)[], color: string): Dataset => ({
        label,
        data: edges.slice(0, -1).map((_, i) => ({ x: middle(i), y: values[i]?.energy_kwh ?? null })),
        backgroundColor: palette.color(color),
        borderRadius: 4,
        maxBarThickness: 36,
        categoryPercentage: 0.86,
      });
      const datasets = [bars(t("energy"), rows, "--energy")];
      if (priorRows) datasets.unshift(bars(t("before"), priorRows, "--before"));
      const wide = (edges[1] ?? 0) - (edges[0] ?? 0) >= DAY * 0.9;
      return {
        type: "bar" as const,
        data: { datasets },
        options: chartOptions(palette, {
          unit: "kWh",
          zone: timezone,
          locale,
          title: nameOf,
          value: (value) => energy(value, locale),
          ...(wide && { centre: (at: number) => (edges.includes(at) ? middle(edges.indexOf(at)) : at) }),
        }),
      };
    },
    [edges, rows, priorRows, nameOf, timezone, locale, t],
  );

  if (error && !present)
    return <Failure what={t("notLoaded.energy")} error={error} onRetry={() => void refetch()} />;
  if (!present) return <Skeleton height={330} radius={10} aria-label={t("loading.energy")} />;
  if (rows.every((row) => row === null) && !finer)
    return (
      <Notice icon="empty" title={t("empty.title")}>
        {t(`empty.${range.from > now ? "ahead" : "past"}`)}
      </Notice>
    );
  const [first, end] = inSight(edges, span);
  const seen = { edges: edges.slice(first, end + 1), rows: rows.slice(first, end) };
  const name = rangeName(range, locale);
  const label = t("label.energy", { range: name });
  // The last of a longer period before has no bar beside it, and counts in the sum.
  const priorSeen = priorRows?.slice(first, end === rows.length ? undefined : end) ?? null;
  return (
    <>
      {error && <Failure what={t("notFresh")} error={error} onRetry={() => void refetch()} />}
      <Suspense fallback={<Skeleton height={250} radius={10} aria-label={t("loading.chart")} />}>
        <TimeChart
          label={label}
          help={t("help")}
          span={span}
          bounds={range}
          onSpan={onSpan}
          onStep={onStep}
          config={config}
        />
      </Suspense>
      {priorRows && (
        <p className={css.legend} aria-hidden="true">
          <span data-line="energy">{name}</span>
          <span data-line="before">{rangeName(before, locale)}</span>
        </p>
      )}
      <HistoryFigures width={present.width} edges={seen.edges} rows={seen.rows} />
      {compare && noEarlier && !priorRows && (
        <Failure what={t("notLoaded.before")} error={noEarlier} onRetry={() => void again()} />
      )}
      {compare && priorSeen && (
        <HistoryDifference
          id={id}
          range={range}
          before={before}
          difference={difference(seen.edges, seen.rows, priorSeen, now)}
          whole={span.from <= range.from && span.to >= range.to}
        />
      )}
      <HistoryTable
        caption={label}
        file={`${id}-${range.first}-energy.csv`}
        measure="energy"
        {...seen}
        before={priorSeen}
        nameOf={(i) => nameOf(first + i)}
      />
    </>
  );
}
