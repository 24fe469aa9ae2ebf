import { useComputedColorScheme } from "@mantine/core";
import {
  BarController,
  BarElement,
  Chart,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from "chart.js";
import { useEffect, useRef } from "react";
import type { Config } from "../lib/chart-options";
import { useGestures } from "../lib/gestures";
import { isWhole, type Span } from "../lib/viewport";
import css from "./time-chart.module.css";

Chart.register(BarController, BarElement, LineController, LineElement, PointElement, LinearScale, Tooltip);

/** Colours as the style sheet has them at this moment. */
export interface Palette {
  color: (name: string) => string;
}

export interface TimeChartProps {
  label: string;
  /** How it is moved, for those who can't see that it can be. */
  help: string;
  /** What is shown, of what there is to be shown. */
  span: Span;
  bounds: Span;
  onSpan: (span: Span) => void;
  /** Towards what lies beside the bounds, when all of them are shown. */
  onStep: (by: -1 | 1) => void;
  /** Must be stable for the same data: a new one redraws. */
  config: (palette: Palette) => Config;
}

/** One Chart.js canvas over time: redrawn when data or colours change, moved without either. */
export default function TimeChart({ label, help, span, bounds, onSpan, onStep, config }: TimeChartProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<Chart<"bar" | "line", Config["data"]["datasets"][number]["data"]>>(null);
  const shown = useRef(span);
  const scheme = useComputedColorScheme("light");
  shown.current = span;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes what the style sheet answers
  useEffect(() => {
    if (!canvas.current) return;
    const style = getComputedStyle(document.documentElement);
    const made = config({ color: (name) => style.getPropertyValue(name).trim() });
    const x = { ...made.options?.scales?.x, min: shown.current.from, max: shown.current.to };
    const options = { ...made.options, scales: { ...made.options?.scales, x } };
    chart.current = new Chart(canvas.current, { ...made, options } as Config);
    return () => {
      chart.current?.destroy();
      chart.current = null;
    };
  }, [config, scheme]);
  useEffect(() => {
    const x = chart.current?.options.scales?.x;
    if (!x || (x.min === span.from && x.max === span.to)) return;
    Object.assign(x, { min: span.from, max: span.to });
    chart.current?.update("none");
  }, [span]);
  const frame = useGestures({
    span,
    bounds,
    onSpan,
    onStep,
    area: () => {
      const area = chart.current?.chartArea;
      return area ? { left: area.left, width: area.width } : null;
    },
  });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for the fields of a form
    <div
      ref={frame}
      className={css.frame}
      role="group"
      aria-label={`${label}. ${help}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved by keys
      tabIndex={0}
      data-part={!isWhole(span, bounds)}
      data-testid="chart"
    >
      <canvas ref={canvas} role="img" aria-label={label} />
    </div>
  );
}
