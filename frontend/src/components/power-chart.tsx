import { useCallback } from "react";
import type { Aggregate } from "../api/types";
import { chartOptions } from "../lib/chart-options";
import { power } from "../lib/format";
import { usePlace } from "../lib/hooks";
import type { Bucket } from "../lib/labels";
import { useText } from "../text/text";
import { ChartCanvas, type Palette } from "./chart";

interface PowerChartProps {
  label: string;
  buckets: readonly Bucket[];
  rows: readonly (Aggregate | null)[];
}

/** Mean power of each quarter of an hour, with its highest as a thin line above. */
export function PowerChart({ label, buckets, rows }: PowerChartProps) {
  const { t } = useText("history");
  const { locale } = usePlace();
  const config = useCallback(
    (palette: Palette) => {
      const line = { pointRadius: 0, pointHitRadius: 8, tension: 0.25, spanGaps: false };
      const [mean, peak] = [palette.color("--energy"), palette.color("--peak")];
      return {
        type: "line" as const,
        data: {
          labels: buckets.map(({ short }) => short),
          datasets: [
            {
              ...line,
              label: t("mean"),
              data: rows.map((row) => row?.power_w_avg ?? null),
              borderColor: mean,
              backgroundColor: mean,
              borderWidth: 2.5,
            },
            {
              ...line,
              label: t("highest"),
              data: rows.map((row) => row?.power_w_max ?? null),
              borderColor: peak,
              backgroundColor: peak,
              borderWidth: 1.25,
            },
          ],
        },
        options: chartOptions(palette, {
          unit: "W",
          title: (index) => buckets[index]?.long ?? "",
          value: (value) => {
            const shown = power(value, locale);
            return `${shown.value} ${shown.unit}`;
          },
        }),
      };
    },
    [buckets, rows, locale, t],
  );
  return <ChartCanvas label={label} config={config} />;
}
