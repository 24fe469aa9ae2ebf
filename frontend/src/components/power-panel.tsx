import { Skeleton } from "@mantine/core";
import { useMemo } from "react";
import { useHistory } from "../api/queries";
import { usePlace } from "../lib/hooks";
import { hourBuckets } from "../lib/labels";
import { alignRows, bucketStarts, type Range } from "../lib/range";
import { useText } from "../text/text";
import css from "./history-panel.module.css";
import { Failure } from "./notice";
import { PowerChart } from "./power-chart";

const QUARTER = 900_000;

/** The day's power by quarters of an hour. */
export function PowerPanel({ id, range, name }: { id: string; range: Range; name: string }) {
  const { t } = useText("history");
  const { locale, timezone } = usePlace();
  const { data, error, refetch, isPlaceholderData } = useHistory(id, range, "15m");
  const starts = useMemo(() => bucketStarts(range, timezone, QUARTER), [range, timezone]);
  const buckets = useMemo(() => hourBuckets(starts, QUARTER, timezone, locale), [starts, timezone, locale]);
  const rows = useMemo(() => alignRows(starts, data?.rows ?? []), [starts, data]);
  return (
    <div className={css.power}>
      <h2>{t("power")}</h2>
      <p className={css.legend} aria-hidden="true">
        <span>{t("mean15")}</span>
        <span>{t("highest")}</span>
      </p>
      {error && !data && <Failure what={t("powerFailed")} error={error} onRetry={() => void refetch()} />}
      {!error && (!data || isPlaceholderData) && <Skeleton height={240} radius={10} />}
      {data && !isPlaceholderData && (
        <PowerChart label={t("powerOf", { range: name })} buckets={buckets} rows={rows} />
      )}
    </div>
  );
}
