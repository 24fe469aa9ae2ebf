import { Skeleton } from "@mantine/core";
import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { useHistory } from "../api/queries";
import { dayName, daySpan, monthName } from "../lib/format";
import { useNow, usePlace } from "../lib/hooks";
import { dayBuckets, hourBuckets } from "../lib/labels";
import { alignRows, bucketStarts, type Range, rangeOf, type View } from "../lib/range";
import { dateOf, isDate, monthOf } from "../lib/zone";
import { useText } from "../text/text";
import { EnergyChart } from "./energy-chart";
import { HistoryControls } from "./history-controls";
import css from "./history-panel.module.css";
import { HistoryTable } from "./history-table";
import { HistoryTotals } from "./history-totals";
import { Failure, Notice } from "./notice";
import { PowerPanel } from "./power-panel";

const HOUR = 3_600_000;

function nameOf(range: Range, locale: string): string {
  if (range.view === "day") return dayName(range.first, locale);
  return range.view === "week"
    ? daySpan(range.first, range.end, locale)
    : monthName(monthOf(range.first), locale);
}

function isView(text: string | null): text is View {
  return text === "day" || text === "week" || text === "month";
}

function History({ id, range }: { id: string; range: Range }) {
  const { t } = useText("history");
  const { locale, timezone } = usePlace();
  const { data, error, refetch, isPlaceholderData } = useHistory(id, range, range.bucket);
  const starts = useMemo(() => bucketStarts(range, timezone), [range, timezone]);
  const rows = useMemo(
    () => alignRows(starts, data?.from === range.from ? data.rows : []),
    [starts, data, range],
  );
  const buckets = useMemo(
    () =>
      range.view === "day"
        ? hourBuckets(starts, HOUR, timezone, locale)
        : dayBuckets(starts, range, timezone, locale),
    [starts, range, timezone, locale],
  );
  const name = nameOf(range, locale);
  if (error && !data) return <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />;
  if (!data || isPlaceholderData) return <Skeleton height={330} radius={10} aria-label={t("loading")} />;
  if (rows.every((row) => row === null))
    return (
      <Notice icon="empty" title={t("none")}>
        {t(`noneIn.${range.view}`)}
      </Notice>
    );
  return (
    <>
      <EnergyChart label={t("energyOf", { range: name })} buckets={buckets} rows={rows} />
      <HistoryTotals range={range} starts={starts} rows={rows} />
      <HistoryTable caption={t("tableOf", { range: name })} buckets={buckets} rows={rows} />
      {range.view === "day" && <PowerPanel id={id} range={range} name={name} />}
    </>
  );
}

export function HistoryPanel({ id }: { id: string }) {
  const { t } = useText("history");
  const { locale, timezone } = usePlace();
  const [params, setParams] = useSearchParams();
  const today = dateOf(useNow(60_000), timezone);
  const asked = { view: params.get("view"), date: params.get("date") };
  const view = isView(asked.view) ? asked.view : "day";
  const date = isDate(asked.date) && asked.date <= today ? asked.date : today;
  const range = useMemo(() => rangeOf(view, date, timezone), [view, date, timezone]);
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="history">
      <h2 id="history">{t("title")}</h2>
      <HistoryControls
        view={view}
        date={date}
        today={today}
        last={today < range.end}
        onChange={(nextView, nextDate) =>
          setParams(
            (before) => {
              before.set("view", nextView);
              before.set("date", nextDate);
              return before;
            },
            { replace: true },
          )
        }
      />
      <p className={css.name} aria-live="polite">
        {nameOf(range, locale)}
      </p>
      <History id={id} range={range} />
    </section>
  );
}
