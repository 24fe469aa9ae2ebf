import type { Aggregate } from "../api/types";
import { clockTime, energy, measure, power, shortDay } from "../lib/format";
import { begun, totals } from "../lib/history";
import { useNow, usePlace } from "../lib/hooks";
import type { Range } from "../lib/range";
import { dateOf } from "../lib/zone";
import { Figure } from "./figure";
import css from "./history-panel.module.css";

interface HistoryTotalsProps {
  range: Range;
  starts: readonly number[];
  rows: readonly (Aggregate | null)[];
}

/** Under the chart: what it adds up to, and what is missing from it. */
export function HistoryTotals({ range, starts, rows }: HistoryTotalsProps) {
  const { locale, timezone } = usePlace();
  const now = useNow(60_000);
  const { kwh, filled, peak, volts } = totals(rows);
  const hours = range.view === "day";
  const unit = hours ? "hour" : "day";
  const missing = begun(starts, now) - filled;
  const peakPower = peak ? power(peak.watts, locale) : null;
  const when = (at: number) =>
    hours ? `from ${clockTime(at, timezone, locale)}` : shortDay(dateOf(at, timezone), locale);
  return (
    <dl className={css.totals}>
      <Figure
        name="Used"
        value={energy(kwh, locale)}
        note={missing > 0 ? `${missing} ${unit}${missing === 1 ? "" : "s"} without readings` : undefined}
      />
      <Figure
        name={`A${hours ? "n hour" : " day"} on average`}
        value={filled ? energy(kwh / filled, locale) : "—"}
      />
      <Figure
        name="Highest power"
        value={peakPower ? `${peakPower.value} ${peakPower.unit}` : "—"}
        note={peak ? when(peak.at) : undefined}
      />
      <Figure
        name="Voltage"
        value={volts ? `${measure(volts.low, 0, "", locale)}–${measure(volts.high, 0, "V", locale)}` : "—"}
      />
    </dl>
  );
}
