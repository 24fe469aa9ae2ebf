import type { Aggregate } from "../api/types";
import { energy, power } from "../lib/format";
import { usePlace } from "../lib/hooks";
import type { Bucket } from "../lib/labels";
import { useText } from "../text/text";
import css from "./history-table.module.css";

interface HistoryTableProps {
  caption: string;
  buckets: readonly Bucket[];
  rows: readonly (Aggregate | null)[];
}

/** The chart's figures as text, for those who can't see it and those who want to copy it. */
export function HistoryTable({ caption, buckets, rows }: HistoryTableProps) {
  const { t } = useText("history");
  const { locale } = usePlace();
  const watts = (value: number | null | undefined) => {
    if (value === null || value === undefined) return "—";
    const shown = power(value, locale);
    return `${shown.value} ${shown.unit}`;
  };
  return (
    <details className={css.details}>
      <summary>{t("figures")}</summary>
      <table className={css.table}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{t("when")}</th>
            <th scope="col">{t("energy")}</th>
            <th scope="col">{t("mean")}</th>
            <th scope="col">{t("highest")}</th>
          </tr>
        </thead>
        <tbody>
          {buckets.map(({ at, long }, i) => {
            const row = rows[i];
            return (
              <tr key={at}>
                <th scope="row">{long}</th>
                <td>{row ? energy(row.energy_kwh, locale) : t("common:noData")}</td>
                <td>{watts(row?.power_w_avg)}</td>
                <td>{watts(row?.power_w_max)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </details>
  );
}
