import { useComputedColorScheme } from "@mantine/core";
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from "chart.js";
import { useEffect, useRef } from "react";
import css from "./chart.module.css";

Chart.register(BarController, BarElement, LineController, LineElement, PointElement);
Chart.register(CategoryScale, LinearScale, Tooltip);

/** Colours as the style sheet has them at this moment. */
export interface Palette {
  color: (name: string) => string;
}

interface ChartCanvasProps {
  label: string;
  /** Must be stable for the same data: a new one redraws. */
  config: (palette: Palette) => ChartConfiguration<"bar" | "line", (number | null)[], string>;
}

/** One Chart.js canvas, redrawn when data or colours change. */
export function ChartCanvas({ label, config }: ChartCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme("light");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes what the style sheet answers
  useEffect(() => {
    if (!ref.current) return;
    const style = getComputedStyle(document.documentElement);
    const made = config({ color: (name) => style.getPropertyValue(name).trim() });
    const chart = new Chart(ref.current, { ...made, options: { ...made.options, animation: false } });
    return () => chart.destroy();
  }, [config, scheme]);
  return (
    <div className={css.box}>
      <canvas ref={ref} role="img" aria-label={label} />
    </div>
  );
}
