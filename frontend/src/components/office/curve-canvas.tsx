import { useComputedColorScheme } from "@mantine/core";
import {
  CategoryScale,
  Chart,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from "chart.js";
import { useEffect, useRef } from "react";
import type { CurveConfig } from "../../lib/chart-options";
import type { Palette } from "../time-chart";
import css from "./office.module.css";

Chart.register(CategoryScale, LinearScale, LineController, LineElement, PointElement, Tooltip);

interface CurveCanvasProps {
  label: string;
  /** Must be stable for the same data: a new one redraws. */
  config: (palette: Palette) => CurveConfig;
}

/** One Chart.js canvas that stands still, redrawn when data or colours change. */
export function CurveCanvas({ label, config }: CurveCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme("light");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes what the style sheet answers
  useEffect(() => {
    if (!ref.current) return;
    const style = getComputedStyle(document.documentElement);
    const chart = new Chart(ref.current, config({ color: (name) => style.getPropertyValue(name).trim() }));
    return () => chart.destroy();
  }, [config, scheme]);
  return (
    <div className={css.canvas}>
      <canvas ref={ref} role="img" aria-label={label} />
    </div>
  );
}
