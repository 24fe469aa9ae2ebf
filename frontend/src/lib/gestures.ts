import { type RefObject, useEffect, useRef } from "react";
import { isWhole, pan, pinch, type Span, zoom } from "./viewport";

interface Gestures {
  span: Span;
  bounds: Span;
  onSpan: (span: Span) => void;
  onStep: (by: -1 | 1) => void;
  /** Where in the element time runs, in its own pixels; null while nothing is drawn. */
  area: () => { left: number; width: number } | null;
}

const ZOOM_STEP = 0.6;
const PAN_STEP = 0.25;
/** A finger that went this far sideways over all that there is wants what lies beside it. */
const SWIPE_PX = 70;

/**
 * Mouse, touch and keys of a chart over time. A wheel turns the page unless the chart has the focus (a
 * click gives it) or Ctrl is held; one finger moves, two zoom; + and -, arrows and 0 do the same.
 */
export function useGestures(gestures: Gestures): RefObject<HTMLDivElement | null> {
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(gestures);
  latest.current = gestures;
  useEffect(() => {
    const element = ref.current;
    return element ? listen(element, () => latest.current) : undefined;
  }, []);
  return ref;
}

function listen(element: HTMLElement, now: () => Gestures): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  const pointers = new Map<number, number>();
  let [start, moved] = [0, 0];

  const timeAt = (clientX: number, span = now().span) => {
    const area = now().area();
    if (!area) return (span.from + span.to) / 2;
    const x = clientX - element.getBoundingClientRect().left - area.left;
    return span.from + (x / area.width) * (span.to - span.from);
  };
  const move = (next: Span) => {
    // Before the next event, not at the next render: pointers are faster.
    const { span, onSpan } = now();
    if (next.from === span.from && next.to === span.to) return;
    now().span = next;
    onSpan(next);
  };

  element.addEventListener(
    "wheel",
    (event) => {
      const { span, bounds } = now();
      const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (sideways && !isWhole(span, bounds)) {
        event.preventDefault();
        const width = now().area()?.width ?? 1;
        move(pan(span, bounds, (event.deltaX / width) * (span.to - span.from)));
      } else if (!sideways && (event.ctrlKey || document.activeElement === element)) {
        event.preventDefault();
        move(
          zoom(span, bounds, event.deltaY < 0 ? ZOOM_STEP ** 0.5 : ZOOM_STEP ** -0.5, timeAt(event.clientX)),
        );
      }
    },
    { passive: false, signal },
  );
  element.addEventListener(
    "dblclick",
    ({ clientX }) => move(zoom(now().span, now().bounds, ZOOM_STEP, timeAt(clientX))),
    {
      signal,
    },
  );
  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      pointers.set(event.pointerId, event.clientX);
      if (pointers.size === 1) [start, moved] = [event.clientX, 0];
      element.setPointerCapture(event.pointerId);
      element.dataset.held = "true";
    },
    { signal },
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      const before = pointers.get(event.pointerId);
      if (before === undefined) return;
      const { span, bounds } = now();
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, event.clientX);
      if (other === undefined) {
        moved = event.clientX - start;
        move(pan(span, bounds, timeAt(before) - timeAt(event.clientX)));
      } else {
        start = Number.NaN;
        const times = (x: number) => [timeAt(other, span), timeAt(x, span)] as const;
        move(pinch(span, bounds, times(before), times(event.clientX)));
      }
    },
    { signal },
  );
  const lift = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
    delete element.dataset.held;
    const { span, bounds, onStep } = now();
    const swiped = event.type === "pointerup" && event.pointerType === "touch" && Math.abs(moved) > SWIPE_PX;
    if (swiped && !Number.isNaN(start) && isWhole(span, bounds)) onStep(moved > 0 ? -1 : 1);
  };
  element.addEventListener("pointerup", lift, { signal });
  element.addEventListener("pointercancel", lift, { signal });
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const { span, bounds, onStep } = now();
      const middle = (span.from + span.to) / 2;
      const sideways = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
      if (event.key === "+" || event.key === "=") move(zoom(span, bounds, ZOOM_STEP, middle));
      else if (event.key === "-") move(zoom(span, bounds, 1 / ZOOM_STEP, middle));
      else if (event.key === "0" || event.key === "Escape") move(bounds);
      else if (sideways !== 0 && isWhole(span, bounds)) onStep(sideways);
      else if (sideways !== 0) move(pan(span, bounds, sideways * PAN_STEP * (span.to - span.from)));
      else return;
      event.preventDefault();
    },
    { signal },
  );
  return () => ending.abort();
}
