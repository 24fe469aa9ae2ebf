import type { Aggregate } from "../api/types";
import { energy, power } from "../lib/format";
import { usePlace } from "../lib/hooks";
import type { Bucket } from "../lib/labels";
import css from "./history-table.module.css";

interface HistoryTableProps {
  caption: string;
  buckets: readonly Bucket[];
  rows: readonly (Aggregate | null)[];
}

/** The chart's figures as text, for those who can't see it and those who want to copy it. */
export function HistoryTable({ caption, buckets, rows }: HistoryTableProps) {
  const { locale } = usePlace();
  const watts = (value: number | null | undefined) => {
    if (value === null || value === undefined) return "—";
    const shown = power(value, locale);
    return `${shown.value} ${shown.unit}`;
  };
  return (
    <details className={css.details}>
      <summary>Show the figures</summary>
      <table className={css.table}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Energy</th>
            <th scope="col">Mean</th>
            <th scope="col">Highest</th>
          </tr>
        </thead>
        <tbody>
          {buckets.map(({ at, long }, i) => {
            const row = rows[i];
            return (
              <tr key={at}>
                <th scope="row">{long}</th>
                <td>{row ? energy(row.energy_kwh, locale) : "no data"}</td>
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
