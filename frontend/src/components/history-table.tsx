import { Button } from "@mantine/core";
import { useState } from "react";
import type { Aggregate } from "../api/types";
import { csv } from "../lib/csv";
import { energy, measure, power } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { saveFile } from "../lib/save-file";
import { localTime } from "../lib/zone";
import { useText } from "../text/text";
import css from "./history-table.module.css";
import { Icon } from "./icon";
import "../text/later";

export type Measure = "energy" | "power" | "voltage";

interface HistoryTableProps {
  caption: string;
  file: string;
  measure: Measure;
  edges: readonly number[];
  nameOf: (i: number) => string;
  rows: readonly (Aggregate | null)[];
  /** The period before, bucket by bucket. */
  before?: readonly (Aggregate | null)[] | null;
}

const head = [
  "from",
  "to",
  "energy_kwh",
  "power_w_avg",
  "power_w_max",
  "voltage_min",
  "voltage_avg",
  "voltage_max",
  "readings",
];

/** The figures behind a chart, for those who can't see it and those who want to take them away. */
export function HistoryTable({
  caption,
  file,
  measure: kind,
  edges,
  nameOf,
  rows,
  before,
}: HistoryTableProps) {
  const { t } = useText("charts");
  const { locale, timezone } = usePlace();
  // Hundreds of rows are made only for who looks at them: the chart may be moving.
  const [open, setOpen] = useState(false);
  const watts = (value: number | null | undefined) => {
    if (value === null || value === undefined) return "—";
    const shown = power(value, locale);
    return `${shown.value} ${shown.unit}`;
  };
  const volts = (value: number | null | undefined) => measure(value ?? undefined, 1, "V", locale);
  const columns: Record<Measure, [name: string, value: (row: Aggregate | null, i: number) => string][]> = {
    energy: [
      [t("energy"), (row) => (row ? energy(row.energy_kwh, locale) : t("noData"))],
      ...(before
        ? [
            [
              t("before"),
              (_: Aggregate | null, i: number) => (before[i] ? energy(before[i].energy_kwh, locale) : "—"),
            ] as const,
          ]
        : []),
      [t("mean.power"), (row) => watts(row?.power_w_avg)],
      [t("highest"), (row) => watts(row?.power_w_max)],
    ] as [string, (row: Aggregate | null, i: number) => string][],
    power: [
      [t("mean.power"), (row) => (row ? watts(row.power_w_avg) : t("noData"))],
      [t("highest"), (row) => watts(row?.power_w_max)],
    ],
    voltage: [
      [t("lowest"), (row) => (row ? volts(row.voltage_min) : t("noData"))],
      [t("mean.power"), (row) => volts(row?.voltage_avg)],
      [t("highestVoltage"), (row) => volts(row?.voltage_max)],
    ],
  };
  const save = () => {
    const local = (at: number | undefined) => (at === undefined ? null : localTime(at, timezone));
    const lines = rows.map((row, i) => [
      local(edges[i]),
      local(edges[i + 1]),
      row?.energy_kwh,
      row?.power_w_avg,
      row?.power_w_max,
      row?.voltage_min,
      row?.voltage_avg,
      row?.voltage_max,
      row?.count ?? 0,
    ]);
    saveFile(new Blob([csv(head, lines)], { type: "text/csv" }), file);
  };
  return (
    <div className={css.behind}>
      <details className={css.details} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{t("figures")}</summary>
        {open && (
          <table className={css.table}>
            <caption>{caption}</caption>
            <thead>
              <tr>
                <th scope="col">{t("when")}</th>
                {columns[kind].map(([name]) => (
                  <th scope="col" key={name}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, i) => (
                <tr key={edges[i]}>
                  <th scope="row">{nameOf(i)}</th>
                  {columns[kind].map(([name, value]) => (
                    <td key={name}>{value(row, i)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </details>
      <Button
        variant="subtle"
        size="compact-sm"
        leftSection={<Icon name="save" size={16} />}
        onClick={save}
        aria-label={t("csv", { what: caption })}
      >
        CSV
      </Button>
    </div>
  );
}
