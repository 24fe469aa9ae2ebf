import { Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, useCallback, useMemo } from "react";
import { useHistory } from "../api/queries";
import type { Aggregate } from "../api/types";
import { chartOptions, type Dataset } from "../lib/chart-options";
import { measure as measured, power } from "../lib/format";
import { inSight } from "../lib/history";
import { usePlace } from "../lib/hooks";
import { bucketName, rangeName } from "../lib/labels";
import { alignRows, bucketEdges, detailIn, spanToLoad } from "../lib/range";
import { useText } from "../text/text";
import type { HistoryProps } from "./energy-history";
import css from "./history-panel.module.css";
import { HistoryTable } from "./history-table";
import { Failure } from "./notice";
import type { Palette } from "./time-chart";
import "../text/later";

const TimeChart = lazy(() => import("./time-chart"));

type Value = (row: Aggregate) => number | null;
/** The means, and what was highest or lowest, as thin lines beside them. */
const lines = {
  power: [
    ["mean.power", "--energy", (row) => row.power_w_avg],
    ["highest", "--peak", (row) => row.power_w_max],
  ],
  voltage: [
    ["mean.power", "--energy", (row) => row.voltage_avg],
    ["highestVoltage", "--peak", (row) => row.voltage_max],
    ["lowest", "--low", (row) => row.voltage_min],
  ],
} as const satisfies Record<string, readonly (readonly [string, string, Value])[]>;

const DAY = 24 * 3_600_000;

/** Power or voltage over the range. A bucket without readings is a hole in its lines. */
export function LineHistory({
  id,
  range,
  span,
  wanted,
  onSpan,
  onStep,
  measure,
}: HistoryProps & { measure: "power" | "voltage" }) {
  const { t } = useText("charts");
  const { locale, timezone } = usePlace();
  const narrow = useMediaQuery("(max-width: 47.99em)", undefined, { getInitialValueInEffect: false });
  const { point } = detailIn(range, wanted.to - wanted.from, narrow);
  const finer = point !== detailIn(range, range.to - range.from, narrow).point;
  const { data, error, refetch } = useHistory(id, spanToLoad(range, wanted, finer, timezone), point);
  const present = data && data.from < range.to && data.to > range.from ? data : undefined;
  const edges = useMemo(
    () => (present ? bucketEdges(present.from, present.to, present.width, timezone) : []),
    [present, timezone],
  );
  const rows = useMemo(() => alignRows(edges.slice(0, -1), present?.rows ?? []), [edges, present]);
  const nameOf = useCallback(
    (i: number) => {
      const oneDay = range.to - range.from < 1.1 * DAY;
      return bucketName(edges[i] ?? 0, edges[i + 1] ?? 0, present?.width ?? "1h", timezone, locale, oneDay);
    },
    [edges, present, range, timezone, locale],
  );
  const config = useCallback(
    (palette: Palette) => ({
      type: "line" as const,
      data: {
        datasets: lines[measure].map(
          ([name, color, value], i): Dataset => ({
            label: t(name),
            data: rows.map((row, at) => ({
              x: ((edges[at] ?? 0) + (edges[at + 1] ?? 0)) / 2,
              y: row ? value(row) : null,
            })),
            borderColor: palette.color(color),
            backgroundColor: palette.color(color),
            borderWidth: i === 0 ? 2.5 : 1.25,
            pointRadius: 0,
            pointHitRadius: 8,
            tension: 0.25,
            spanGaps: false,
          }),
        ),
      },
      options: chartOptions(palette, {
        unit: measure === "power" ? "W" : "V",
        fromZero: measure === "power",
        zone: timezone,
        locale,
        title: nameOf,
        value: (value) => {
          if (measure === "voltage") return measured(value, 1, "V", locale);
          const shown = power(value, locale);
          return `${shown.value} ${shown.unit}`;
        },
      }),
    }),
    [edges, rows, nameOf, measure, timezone, locale, t],
  );
  const [first, end] = inSight(edges, span);
  const label = t(`label.${measure}`, { range: rangeName(range, locale) });
  const empty = present && !finer && rows.every((row) => row === null || row.count === 0);
  return (
    <div className={css.line}>
      <h3>{t(measure)}</h3>
      <p className={css.legend} aria-hidden="true">
        {lines[measure].map(([name, color]) => (
          <span key={name} data-line={color.slice(2)}>
            {t(name)}
          </span>
        ))}
      </p>
      {error && !present && (
        <Failure what={t(`notLoaded.${measure}`)} error={error} onRetry={() => void refetch()} />
      )}
      {!error && !present && <Skeleton height={250} radius={10} aria-label={t(`loading.${measure}`)} />}
      {empty && <p className="soft">{t("empty.title")}</p>}
      {present && !empty && (
        <>
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
          <HistoryTable
            caption={label}
            file={`${id}-${range.first}-${measure}.csv`}
            measure={measure}
            edges={edges.slice(first, end + 1)}
            rows={rows.slice(first, end)}
            nameOf={(i) => nameOf(first + i)}
          />
        </>
      )}
    </div>
  );
}
