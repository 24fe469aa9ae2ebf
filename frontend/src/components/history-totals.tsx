import type { Aggregate } from "../api/types";
import { clockTime, energy, measure, power, shortDay } from "../lib/format";
import { begun, totals } from "../lib/history";
import { useNow, usePlace } from "../lib/hooks";
import type { Range } from "../lib/range";
import { dateOf } from "../lib/zone";
import { useText } from "../text/text";
import { Figure } from "./figure";
import css from "./history-panel.module.css";

interface HistoryTotalsProps {
  range: Range;
  starts: readonly number[];
  rows: readonly (Aggregate | null)[];
}

/** Under the chart: what it adds up to, and what is missing from it. */
export function HistoryTotals({ range, starts, rows }: HistoryTotalsProps) {
  const { t } = useText("history");
  const { locale, timezone } = usePlace();
  const now = useNow(60_000);
  const { kwh, filled, peak, volts } = totals(rows);
  const hours = range.view === "day";
  const missing = begun(starts, now) - filled;
  const peakPower = peak ? power(peak.watts, locale) : null;
  const when = (at: number) =>
    hours ? t("from", { time: clockTime(at, timezone, locale) }) : shortDay(dateOf(at, timezone), locale);
  return (
    <dl className={css.totals}>
      <Figure
        name={t("used")}
        value={energy(kwh, locale)}
        note={missing > 0 ? t(hours ? "missingHour" : "missingDay", { count: missing }) : undefined}
      />
      <Figure
        name={t(hours ? "averageHour" : "averageDay")}
        value={filled ? energy(kwh / filled, locale) : "—"}
      />
      <Figure
        name={t("highestPower")}
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
