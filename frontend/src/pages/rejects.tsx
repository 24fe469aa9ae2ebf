import { SegmentedControl, Skeleton } from "@mantine/core";
import { useMemo, useState } from "react";
import { useRejects } from "../api/queries";
import { AddDeviceDialog } from "../components/admin/add-device";
import css from "../components/admin/admin.module.css";
import { RejectGroupCard } from "../components/admin/reject-group";
import { Failure, Notice } from "../components/notice";
import { whole } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import { groupRejects } from "../lib/rejects";
import { useText } from "../text/text";
import "../text/manage";

export default function RejectsPage() {
  const { t } = useText("reject");
  useTitle(t("title"));
  const { locale } = usePlace();
  const [hours, setHours] = useState("24");
  const { rejects, error, refetch, hasNextPage } = useRejects(Number(hours));
  // Here, not in the card: once the meter is there its card goes.
  const [adding, setAdding] = useState<string | null>(null);
  const groups = useMemo(() => groupRejects(rejects ?? []), [rejects]);
  const spans = [
    { value: "24", label: t("hours24") },
    { value: "168", label: t("days7") },
    { value: "720", label: t("days30") },
  ];
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
        <SegmentedControl data={spans} value={hours} onChange={setHours} aria-label={t("span")} />
      </div>
      {error && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!rejects && !error && (
        <Skeleton role="status" aria-label={t("common:loading")} height={320} radius={14} />
      )}
      {rejects?.length === 0 && (
        <Notice icon="empty" title={t("none")}>
          {t("noneHint")}
        </Notice>
      )}
      {rejects && rejects.length > 0 && (
        <p className={css.count} role="status">
          {hasNextPage
            ? t("moreThan", { count: rejects.length })
            : t("all", { count: rejects.length, n: whole(rejects.length, locale) })}
        </p>
      )}
      <ul className={css.stack}>
        {groups.map((group) => (
          <li key={group.key}>
            <RejectGroupCard group={group} onAdd={setAdding} />
          </li>
        ))}
      </ul>
      <AddDeviceDialog
        opened={adding !== null}
        deviceId={adding ?? undefined}
        onClose={() => setAdding(null)}
      />
    </>
  );
}
