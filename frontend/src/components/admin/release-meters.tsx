import { Button, Skeleton } from "@mantine/core";
import { Link } from "wouter";
import { useReleaseMeters } from "../../api/admin-queries";
import { dateTime, plainWords } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { codeWords, useText } from "../../text/text";
import { Failure } from "../notice";
import css from "./admin.module.css";
import "../../text/manage";

const tones = { failed: "bad", refused: "warn" } as Record<string, string | undefined>;

/** The meters that a release was offered to. */
export function ReleaseMeters({ no }: { no: number }) {
  const { t } = useText("firmware");
  const { timezone, locale } = usePlace();
  const { meters, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useReleaseMeters(no);
  if (error && !meters)
    return <Failure what={t("metersFailed")} error={error} onRetry={() => void refetch()} />;
  if (!meters) return <Skeleton role="status" aria-label={t("common:loading")} height={120} radius={14} />;
  if (meters.length === 0) return <p className="soft">{t("metersNone")}</p>;
  return (
    <>
      <ul className={css.list} aria-label={t("meters")}>
        {meters.map(({ device_id, version, state, result, since }) => (
          <li key={device_id}>
            <div className={css.grow}>
              <Link href={`/devices/${device_id}`}>{device_id}</Link>
              <small>
                {version && `${t("runs")} ${version} · `}
                {dateTime(since, timezone, locale)}
                {result && ` · ${codeWords("firmware", "results", result) ?? plainWords(result)}`}
              </small>
            </div>
            <span className={css.tag} data-tone={tones[state]}>
              {t(`meterStates.${state}`)}
            </span>
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <Button variant="default" size="xs" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("more")}
        </Button>
      )}
    </>
  );
}
