import type { ChartConfiguration } from "chart.js";
import type { Palette } from "../components/chart";

type Options = NonNullable<ChartConfiguration<"bar" | "line", (number | null)[], string>["options"]>;

interface Texts {
  unit: string;
  /** Full name of a bucket, for its tooltip. */
  title: (index: number) => string;
  value: (value: number) => string;
}

/** What both charts have in common: quiet axes, one tooltip a bucket, nothing that moves. */
export function chartOptions({ color }: Palette, { unit, title, value }: Texts): Options {
  const ticks = { color: color("--ink-soft"), font: { size: 12 } };
  return {
    responsive: true,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: {
        grid: { display: false },
        border: { color: color("--line") },
        ticks: { ...ticks, maxRotation: 0, autoSkipPadding: 14 },
      },
      y: {
        beginAtZero: true,
        border: { display: false },
        grid: { color: color("--line") },
        ticks: { ...ticks, maxTicksLimit: 5 },
        title: { display: true, text: unit, color: color("--ink-soft"), font: { size: 12 } },
      },
    },
    plugins: {
      tooltip: {
        backgroundColor: color("--ink"),
        titleColor: color("--surface"),
        bodyColor: color("--surface"),
        padding: 10,
        cornerRadius: 8,
        boxPadding: 4,
        callbacks: {
          title: ([item]) => (item ? title(item.dataIndex) : ""),
          label: (item) => `${item.dataset.label}: ${value(item.parsed.y ?? 0)}`,
        },
      },
    },
  };
}
