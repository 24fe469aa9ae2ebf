import { Skeleton } from "@mantine/core";
import { useKeys } from "../api/admin-queries";
import { AddKey } from "../components/admin/add-key";
import css from "../components/admin/admin.module.css";
import { KeyCard } from "../components/admin/key-card";
import { Failure, Notice } from "../components/notice";
import { useTitle } from "../lib/hooks";
import { useText } from "../text/text";
import "../text/manage";

export default function KeysPage() {
  const { t } = useText("keys");
  useTitle(t("title"));
  const { keys, error, refetch } = useKeys();
  // Those that still open something first, each part with its newest first.
  const sorted = keys
    ?.toReversed()
    .toSorted((a, b) => Number(a.status !== "good") - Number(b.status !== "good"));
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
        <AddKey />
      </div>
      {error && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!keys && !error && (
        <Skeleton role="status" aria-label={t("common:loading")} height={200} radius={14} />
      )}
      {keys?.length === 0 && (
        <Notice icon="empty" title={t("none")}>
          {t("noneHint")}
        </Notice>
      )}
      <ul className={css.stack}>
        {sorted?.map((key) => (
          <li key={key.id}>
            <KeyCard apiKey={key} />
          </li>
        ))}
      </ul>
    </>
  );
}
