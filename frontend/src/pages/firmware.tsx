import { Button, Skeleton } from "@mantine/core";
import { useReleases } from "../api/admin-queries";
import css from "../components/admin/admin.module.css";
import { ReleaseCard } from "../components/admin/release-card";
import { Failure, Notice } from "../components/notice";
import { useTitle } from "../lib/hooks";
import { useText } from "../text/text";
import "../text/manage";

/** Releases and how far the meters are with them. They are signed and published on the command line: no key is here. */
export default function FirmwarePage() {
  const { t } = useText("firmware");
  useTitle(t("title"));
  const { releases, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useReleases();
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
      </div>
      {error && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!releases && !error && (
        <Skeleton role="status" aria-label={t("common:loading")} height={200} radius={14} />
      )}
      {releases?.length === 0 && (
        <Notice icon="empty" title={t("none")}>
          {t("noneHint")}
        </Notice>
      )}
      <ul className={css.stack}>
        {releases?.map((release) => (
          <li key={release.no}>
            <ReleaseCard release={release} />
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("more")}
        </Button>
      )}
    </>
  );
}
