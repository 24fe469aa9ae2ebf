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

interface Texts extends Looks {
  zone: string;
  locale: string;
  /** Where the mark of an instant stands: under the middle of its bar. */
  centre?: (at: number) => number;
}

/** Room that a mark on the time axis wants. */
const MARK_PX = 62;

interface Looks {
  unit: string;
  /** Full name of a bucket, for its tooltip. */
  title: (index: number) => string;
  value: (value: number) => string;
  fromZero?: boolean;
}

/** What all charts have in common: quiet axes, one tooltip a bucket, nothing that moves. */
function looks({ color }: Palette, { unit, title, value, fromZero = true }: Looks) {
  const ticks = { color: color("--ink-soft"), font: { size: 12 } };
  return {
    frame: {
      responsive: true,
      maintainAspectRatio: false,
      animation: false as const,
      interaction: { mode: "index" as const, intersect: false },
    },
    x: {
      grid: { display: false },
      border: { color: color("--line") },
      ticks: { ...ticks, maxRotation: 0 },
    },
    y: {
      beginAtZero: fromZero,
      ...(fromZero ? {} : { grace: "10%" }),
      border: { display: false },
      grid: { color: color("--line") },
      ticks: { ...ticks, maxTicksLimit: 5 },
      title: { display: true, text: unit, color: color("--ink-soft"), font: { size: 12 } },
    },
    tooltip: {
      backgroundColor: color("--ink"),
      titleColor: color("--surface"),
      bodyColor: color("--surface"),
      padding: 10,
      cornerRadius: 8,
      boxPadding: 4,
      callbacks: {
        title: ([item]: { dataIndex: number }[]) => (item ? title(item.dataIndex) : ""),
        label: (item: { dataset: { label?: string | undefined }; parsed: { y: number | null } }) =>
          `${item.dataset.label}: ${value(item.parsed.y ?? 0)}`,
      },
    },
  };
}

/** Over time: marks where hours, days and months of the deployment's zone begin. */
export function chartOptions(palette: Palette, texts: Texts): Options {
  const { zone, locale, centre = (at: number) => at } = texts;
  const { frame, x, y, tooltip } = looks(palette, texts);
  const marks = new Map<number, string>();
  return {
    ...frame,
    parsing: false,
    scales: {
      x: {
        ...x,
        type: "linear",
        // Bars stand in their own hours and days, so there is nothing to leave room for.
        offset: false,
        ticks: { ...x.ticks, autoSkip: false, callback: (at) => marks.get(Number(at)) ?? "" },
        afterBuildTicks: (axis) => {
          const most = Math.max(2, axis.width / MARK_PX);
          const made = ticksOf({ from: axis.min, to: axis.max }, most, zone, locale);
          marks.clear();
          for (const { at, label } of made) marks.set(centre(at), label);
          axis.ticks = [...marks.keys()].filter((at) => at <= axis.max).map((value) => ({ value }));
        },
      },
      y,
    },
    plugins: { tooltip },
  };
}

export type CurveConfig = ChartConfiguration<"line", number[], string>;

/** Over an amount, whose steps have names. */
export function curveOptions(palette: Palette, texts: Looks): NonNullable<CurveConfig["options"]> {
  const { frame, x, y, tooltip } = looks(palette, texts);
  return {
    ...frame,
    scales: { x: { ...x, ticks: { ...x.ticks, autoSkipPadding: 14 } }, y },
    plugins: { tooltip },
  };
}
