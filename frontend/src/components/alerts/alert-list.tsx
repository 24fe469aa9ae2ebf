import { Button, Skeleton } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Trans } from "react-i18next";
import { Link } from "wouter";
import { putIntoLists, useAlerts } from "../../api/alerts";
import type { AlertQuery } from "../../api/endpoints";
import type { Device } from "../../api/types";
import { whole } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { subscribeAlerts } from "../../live/alerts";
import { useText } from "../../text/text";
import { Failure, Notice } from "../notice";
import { AlertRow, type Who } from "./alert-row";
import css from "./alerts.module.css";

/** Keeps the lists up with what comes in live. */
export function useLiveAlerts(): void {
  const client = useQueryClient();
  useEffect(() => subscribeAlerts((alert) => putIntoLists(client, alert)), [client]);
}

interface ListProps {
  query: AlertQuery;
  /** Something else is about to be asked for. */
  changing: boolean;
  meters: readonly Device[] | undefined;
  who?: Who | undefined;
}

/** The alerts that a query finds, as many as somebody wants to see of them. */
export function AlertList({ query, changing, meters, who }: ListProps) {
  const { t } = useText("alerts");
  const { locale } = usePlace();
  const { alerts, error, refetch, hasNextPage, isFetchingNextPage, isPlaceholderData, fetchNextPage } =
    useAlerts(query);
  // What is shown of an earlier question has no further pages.
  const busy = changing || isPlaceholderData || isFetchingNextPage;
  useLiveAlerts();
  const nameOf = (id: string | null) =>
    id === null ? "" : (meters?.find(({ device_id }) => device_id === id)?.name ?? id);
  if (!alerts && error) return <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />;
  if (!alerts) return <Skeleton role="status" aria-label={t("loading")} height={320} radius={14} />;
  if (alerts.length === 0 && query.state === "unended" && !query.kind && !query.device)
    return (
      <Notice icon="bell" title={t("quiet")}>
        <Trans t={t} i18nKey="quietHint" components={{ all: <Link href="/alerts?state=all" /> }} />
      </Notice>
    );
  if (alerts.length === 0)
    return (
      <Notice icon="search" title={t("none")}>
        {t("noneHint")}
      </Notice>
    );
  const n = whole(alerts.length, locale);
  return (
    <>
      {error && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      <p className={css.count} role="status">
        {hasNextPage ? t("soFar", { n }) : t("count", { count: alerts.length, n })}
      </p>
      <ul className={`panel ${css.list}`} aria-label={t("list")}>
        {alerts.map((alert) => (
          <AlertRow key={alert.id} alert={alert} meter={nameOf(alert.device_id)} who={who} />
        ))}
      </ul>
      {hasNextPage && (
        <div>
          <Button variant="default" loading={busy} onClick={() => void fetchNextPage()}>
            {t("more")}
          </Button>
        </div>
      )}
    </>
  );
}
