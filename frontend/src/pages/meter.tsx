import { Skeleton } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useSearchParams } from "wouter";
import { useDevices } from "../api/queries";
import { MeterHeader, TABS, type Tab } from "../components/meter-header";
import { Failure, Notice } from "../components/notice";
import { NowPanel } from "../components/now-panel";
import { useTitle, useUser } from "../lib/hooks";
import { useText } from "../text/text";

// The first screen has neither charts nor the bill in it.
const HistoryPanel = lazy(() => import("../components/history-page"));
const AlertsPanel = lazy(() => import("../components/alerts/meter-alerts"));
const BillPanel = lazy(() => import("../components/bill-page"));

/** An address without a page may still say a month or a view: of the bill, of the history. */
function useTab(asked: string | undefined): Tab {
  const [params] = useSearchParams();
  const named = TABS.find((tab) => tab === asked);
  return named ?? (params.has("month") ? "bill" : params.has("view") ? "history" : "now");
}

export default function MeterPage({ id, page }: { id: string; page?: string | undefined }) {
  const { t } = useText("now");
  const { role } = useUser();
  const { devices, error, refetch, hasNextPage, isFetchingNextPage } = useDevices();
  const device = devices?.find(({ device_id }) => device_id === id);
  const tab = useTab(page);
  useTitle(`${device?.name ?? id}, ${t(`tab.${tab}`)}`);
  if (!device) {
    if (error) return <Failure what={t("notLoaded")} error={error} onRetry={() => void refetch()} />;
    if (!devices || isFetchingNextPage)
      return <Skeleton height={220} radius={14} aria-label={t("loading")} />;
    // In a very long list the meter may be further on; what it has measured is there all the same.
    if (!hasNextPage)
      return (
        <Notice icon="empty" whole title={t("noSuch.title")}>
          {t("noSuch.text")}
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
      <MeterHeader device={shown} tab={tab} alone={role !== "admin" && devices?.length === 1} />
      {error && <Failure what={t("notFresh")} error={error} onRetry={() => void refetch()} />}
      <Suspense fallback={<Skeleton height={360} radius={14} aria-label={t("loading")} />}>
        {tab === "now" && <NowPanel device={shown} />}
        {tab === "history" && <HistoryPanel id={id} />}
        {tab === "bill" && <BillPanel id={id} />}
        {tab === "alerts" && <AlertsPanel id={id} />}
      </Suspense>
    </>
  );
}
