import type { ChartConfiguration, ChartDataset } from "chart.js";
import type { Palette } from "../components/time-chart";
import { ticksOf } from "./ticks";

export interface Point {
  /** The middle of a bucket. */
  x: number;
  y: number | null;
}

export type Config = ChartConfiguration<"bar" | "line", Point[]>;
export type Dataset = ChartDataset<"bar" | "line", Point[]>;
type Options = NonNullable<Config["options"]>;

interface Texts {
  unit: string;
  zone: string;
  locale: string;
  /** Full name of a bucket, for its tooltip. */
  title: (index: number) => string;
  value: (value: number) => string;
  fromZero?: boolean;
  /** Where the mark of an instant stands: under the middle of its bar. */
  centre?: (at: number) => number;
}

/** Room that a mark on the time axis wants. */
const MARK_PX = 62;

/** What all charts have in common: time as an axis, quiet lines, one tooltip a bucket, nothing that moves. */
export function chartOptions({ color }: Palette, texts: Texts): Options {
  const { unit, title, value, zone, locale, fromZero = true, centre = (at: number) => at } = texts;
  const ticks = { color: color("--ink-soft"), font: { size: 12 } };
  const marks = new Map<number, string>();
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    parsing: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: {
        type: "linear",
        // Bars stand in their own hours and days, so there is nothing to leave room for.
        offset: false,
        grid: { display: false },
        border: { color: color("--line") },
        ticks: { ...ticks, maxRotation: 0, autoSkip: false, callback: (at) => marks.get(Number(at)) ?? "" },
        afterBuildTicks: (axis) => {
          const most = Math.max(2, axis.width / MARK_PX);
          const made = ticksOf({ from: axis.min, to: axis.max }, most, zone, locale);
          marks.clear();
          for (const { at, label } of made) marks.set(centre(at), label);
          axis.ticks = [...marks.keys()].filter((at) => at <= axis.max).map((value) => ({ value }));
        },
      },
      y: {
        beginAtZero: fromZero,
        ...(fromZero ? {} : { grace: "10%" }),
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
