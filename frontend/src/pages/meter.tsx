import { Skeleton } from "@mantine/core";
import { useDevices } from "../api/queries";
import { BillPanel } from "../components/bill-panel";
import { HistoryPanel } from "../components/history-panel";
import { MeterHeader } from "../components/meter-header";
import { Failure, Notice } from "../components/notice";
import { useTitle } from "../lib/hooks";
import { useText } from "../text/text";
import css from "./meter.module.css";

export default function MeterPage({ id }: { id: string }) {
  const { t } = useText("meter");
  const { devices, error, refetch, hasNextPage, isFetchingNextPage } = useDevices();
  const device = devices?.find(({ device_id }) => device_id === id);
  useTitle(device?.name ?? id);
  if (!device) {
    if (error) return <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />;
    if (!devices || isFetchingNextPage) return <Skeleton height={220} radius={14} />;
    // In a very long list the meter may be further on; what it has measured is there all the same.
    if (!hasNextPage)
      return (
        <Notice icon="empty" whole title={t("noSuch")}>
          {t("noSuchHint")}
        </Notice>
      );
  }
  const shown = device ?? {
    device_id: id,
    name: null,
    owner: null,
    tariff: null,
    status: "offline" as const,
    last_seen: null,
    last_reading: null,
  };
  return (
    <>
      <MeterHeader device={shown} />
      <div className={css.columns}>
        <HistoryPanel id={id} />
        <BillPanel id={id} />
      </div>
    </>
  );
}
