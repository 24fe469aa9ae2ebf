import { useCallback } from "react";
import type { Aggregate } from "../api/types";
import { chartOptions } from "../lib/chart-options";
import { energy } from "../lib/format";
import { usePlace } from "../lib/hooks";
import type { Bucket } from "../lib/labels";
import { useText } from "../text/text";
import { ChartCanvas, type Palette } from "./chart";

interface EnergyChartProps {
  label: string;
  buckets: readonly Bucket[];
  rows: readonly (Aggregate | null)[];
}

export function EnergyChart({ label, buckets, rows }: EnergyChartProps) {
  const { t } = useText("history");
  const { locale } = usePlace();
  const config = useCallback(
    (palette: Palette) => ({
      type: "bar" as const,
      data: {
        labels: buckets.map(({ short }) => short),
        datasets: [
          {
            label: t("energy"),
            data: rows.map((row) => row?.energy_kwh ?? null),
            backgroundColor: palette.color("--energy"),
            borderRadius: 4,
            maxBarThickness: 36,
            categoryPercentage: 0.86,
          },
        ],
      },
      options: chartOptions(palette, {
        unit: "kWh",
        title: (index) => buckets[index]?.long ?? "",
        value: (value) => energy(value, locale),
      }),
    }),
    [buckets, rows, locale, t],
  );
  return <ChartCanvas label={label} config={config} />;
}
