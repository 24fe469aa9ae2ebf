import type { Aggregate } from "../api/types";
import { clockTime, energy, measure, mediumDay, monthName, power } from "../lib/format";
import { begun, totals } from "../lib/history";
import { useNow, usePlace } from "../lib/hooks";
import type { Width } from "../lib/range";
import { dateOf, monthOf } from "../lib/zone";
import { useText } from "../text/text";
import { Figure } from "./figure";
import css from "./history-panel.module.css";
import "../text/later";

interface HistoryFiguresProps {
  width: Width;
  edges: readonly number[];
  rows: readonly (Aggregate | null)[];
}

/** Under the bars: what they add up to, and what is missing from it. */
export function HistoryFigures({ width, edges, rows }: HistoryFiguresProps) {
  const { t } = useText("charts");
  const { locale, timezone } = usePlace();
  const now = useNow(60_000);
  const { kwh, filled, peak, volts } = totals(rows);
  const unit = width === "1M" ? "month" : width === "1d" ? "day" : width === "1h" ? "hour" : "quarter";
  const missing = begun(edges.slice(0, -1), now) - filled;
  const peakPower = peak ? power(peak.watts, locale) : null;
  const when = (at: number) => {
    const day = dateOf(at, timezone);
    if (width === "1M") return monthName(monthOf(day), locale);
    return width === "1d" ? mediumDay(day, locale) : t("fromTime", { time: clockTime(at, timezone, locale) });
  };
  return (
    <dl className={css.totals}>
      <Figure
        name={t("used")}
        value={energy(kwh, locale)}
        note={missing > 0 ? t(`without.${unit}`, { count: missing }) : undefined}
      />
      <Figure name={t(`mean.${unit}`)} value={filled ? energy(kwh / filled, locale) : "—"} />
      <Figure
        name={t("highest")}
        value={peakPower ? `${peakPower.value} ${peakPower.unit}` : "—"}
        note={peak ? when(peak.at) : undefined}
      />
      <Figure
        name={t("voltage")}
        value={volts ? `${measure(volts.low, 0, "", locale)}–${measure(volts.high, 0, "V", locale)}` : "—"}
      />
    </dl>
  );
}
