import { useRecentPower } from "../api/queries";
import { power } from "../lib/format";
import { useLive, useNow, usePlace } from "../lib/hooks";
import { joinTrail, SPARK_HEIGHT, SPARK_WIDTH, spark } from "../lib/spark";
import { useText } from "../text/text";
import css from "./sparkline.module.css";

const WINDOW_MS = 30 * 60_000;

/** Power of the last half hour: loaded once, then drawn on by what comes in live. */
export function Sparkline({ id, enabled }: { id: string; enabled: boolean }) {
  const { t } = useText("meter");
  const { locale } = usePlace();
  const now = useNow(5000);
  const live = useLive(id);
  const { data } = useRecentPower(id, enabled);
  const drawn = spark(joinTrail(data ?? [], live?.trail ?? []), now, WINDOW_MS);
  if (!drawn) return <div className={css.none} />;
  const [low, high] = [power(drawn.low, locale), power(drawn.high, locale)];
  return (
    <svg
      className={css.spark}
      viewBox={`0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={t("lastHalfHour", { low: `${low.value} ${low.unit}`, high: `${high.value} ${high.unit}` })}
    >
      <path className={css.area} d={drawn.area} />
      <path className={css.line} d={drawn.line} />
    </svg>
  );
}
