import { Switch } from "@mantine/core";
import { useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import { useNow, usePlace, useSettled } from "../lib/hooks";
import { rangeName } from "../lib/labels";
import { neighbour, type Range, rangeBetween, rangeOf, VIEWS, type View } from "../lib/range";
import type { Span } from "../lib/viewport";
import { addDays, dateOf, earlier, isDate, type LocalDate } from "../lib/zone";
import { useText } from "../text/text";
import { EnergyHistory } from "./energy-history";
import { HistoryControls } from "./history-controls";
import css from "./history-panel.module.css";
import { LineHistory } from "./line-history";
import { ZoomButtons } from "./zoom-buttons";
import "../text/later";

const isView = (text: string | null): text is View => VIEWS.some((view) => view === text);

/** The range that the address asks for, and how to ask for another. */
function useRange(today: LocalDate, zone: string) {
  const [params, setParams] = useSearchParams();
  const asked = params.get("view");
  const view = isView(asked) ? asked : "day";
  const day = (name: string) => {
    const text = params.get(name);
    return isDate(text) && text <= today ? text : today;
  };
  const [date, from, until] = [day("date"), day("from"), day("until")];
  const range = useMemo(
    () => (view === "any" ? rangeBetween(from, until, zone) : rangeOf(view, date, zone)),
    [view, date, from, until, zone],
  );
  const ask = (wanted: Record<string, string>) =>
    setParams(
      (before) => {
        for (const name of ["view", "date", "from", "until"]) before.delete(name);
        for (const [name, value] of Object.entries(wanted)) before.set(name, value);
        return before;
      },
      { replace: true },
    );
  const last = addDays(range.end, -1);
  return {
    range,
    date,
    onDate: (next: LocalDate) => ask({ view, date: next }),
    onBetween: (first: LocalDate, end: LocalDate) => ask({ view: "any", from: first, until: end }),
    onView: (next: View) => {
      const end = earlier(last, today);
      if (next === "any") ask({ view: next, from: range.first, until: end });
      // A shorter view of a range is of its end, where what is newest is.
      else ask({ view: next, date: view === "any" || view === "year" ? end : date });
    },
    onStep: (by: -1 | 1) => {
      const next = neighbour(range, by, zone);
      if (next.first > today) return;
      const end = addDays(next.end, -1);
      if (view === "any") ask({ view, from: next.first, until: earlier(end, today) });
      else ask({ view, date: next.first });
    },
  };
}

export default function HistoryPage({ id }: { id: string }) {
  const { t } = useText("charts");
  const { locale, timezone } = usePlace();
  const today = dateOf(useNow(60_000), timezone);
  const { range, ...controls } = useRange(today, timezone);
  const [part, setPart] = useState<{ of: Range; span: Span } | null>(null);
  const [compare, setCompare] = useState(false);
  // A part belongs to its range: another one is shown whole.
  const span: Span = part?.of === range ? part.span : range;
  const settled = useSettled(span, 250);
  const wanted = part?.of === range && settled.from >= range.from && settled.to <= range.to ? settled : range;
  const { onStep } = controls;
  const shared = {
    id,
    range,
    span,
    wanted,
    onSpan: (next: Span) => setPart({ of: range, span: next }),
    onStep,
  };
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="history">
      <div className={css.head}>
        <h2 id="history">{t("history")}</h2>
        <p className={css.zone}>{t("zone", { zone: timezone })}</p>
      </div>
      <HistoryControls range={range} today={today} {...controls} />
      <div className={css.bar}>
        <p className={css.name} aria-live="polite">
          {rangeName(range, locale)}
        </p>
        <Switch
          label={t("compare", { before: t(`periodBefore.${range.view}`) })}
          checked={compare}
          onChange={(event) => setCompare(event.currentTarget.checked)}
        />
        <ZoomButtons span={span} bounds={range} onSpan={shared.onSpan} />
      </div>
      <EnergyHistory {...shared} compare={compare} />
      <LineHistory {...shared} measure="power" />
      <LineHistory {...shared} measure="voltage" />
    </section>
  );
}
