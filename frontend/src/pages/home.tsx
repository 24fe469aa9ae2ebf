import { Button, Pagination, Skeleton, TextInput } from "@mantine/core";
import { useDeferredValue, useMemo, useState } from "react";
import { Trans } from "react-i18next";
import { Link } from "wouter";
import { useDevices } from "../api/queries";
import { HomeSummary } from "../components/home-summary";
import { Icon } from "../components/icon";
import { MeterCard } from "../components/meter-card";
import { Failure, Notice } from "../components/notice";
import { matches, sortDevices } from "../lib/filter";
import { whole } from "../lib/format";
import { usePlace, useTitle, useUser } from "../lib/hooks";
import { useText } from "../text/text";
import css from "./home.module.css";

const CARDS = 24;
/** Below this many nobody needs to search. */
const FILTER_FROM = 7;

function Skeletons() {
  const { t } = useText("meter");
  return (
    <div className={css.grid} role="status" aria-busy="true" aria-label={t("loadingAll")}>
      {["a", "b", "c", "d", "e", "f"].map((key) => (
        <Skeleton key={key} height={262} radius={14} />
      ))}
    </div>
  );
}

function NoMeters() {
  const { t } = useText("meter");
  const { role } = useUser();
  return (
    <Notice icon="meter" title={t("none")}>
      {role === "admin" ? (
        <Trans t={t} i18nKey="noneAdmin" components={{ devices: <Link href="/devices" /> }} />
      ) : (
        t("noneOwn")
      )}
    </Notice>
  );
}

export default function HomePage() {
  const { locale } = usePlace();
  const { t } = useText("meter");
  useTitle(t("title"));
  const { devices, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useDevices();
  const [text, setText] = useState("");
  const [page, setPage] = useState(1);
  const wanted = useDeferredValue(text);
  const sorted = useMemo(() => sortDevices(devices ?? []), [devices]);
  const found = useMemo(() => sorted.filter((device) => matches(device, wanted)), [sorted, wanted]);
  const pages = Math.ceil(found.length / CARDS);
  const shown = Math.min(page, Math.max(pages, 1));
  const retry = () => void refetch();
  const count = t("count", { count: found.length, n: whole(found.length, locale) });

  if (!devices || devices.length === 0)
    return (
      <>
        <h1 className={css.alone}>{t("title")}</h1>
        {devices && <NoMeters />}
        {!devices && error && <Failure what={t("failedAll")} error={error} onRetry={retry} />}
        {!devices && !error && <Skeletons />}
      </>
    );
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <HomeSummary devices={sorted} />
        </div>
        {devices.length >= FILTER_FROM && (
          <TextInput
            className={css.filter}
            type="search"
            aria-label={t("filter")}
            placeholder={t("filterHint")}
            leftSection={<Icon name="search" size={18} />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setPage(1);
            }}
          />
        )}
      </div>
      {error && <Failure what={t("notUpToDate")} error={error} onRetry={retry} />}
      {found.length === 0 && <Notice icon="search" title={t("noMatch", { text: wanted })} />}
      <div className={css.grid}>
        {found.slice((shown - 1) * CARDS, shown * CARDS).map((device) => (
          <MeterCard key={device.device_id} device={device} />
        ))}
      </div>
      {(pages > 1 || hasNextPage) && (
        <div className={css.foot}>
          <Pagination
            total={pages}
            value={shown}
            onChange={(next) => {
              setPage(next);
              window.scrollTo({ top: 0 });
            }}
            getControlProps={(control) => ({ "aria-label": t(`control.${control}`) })}
            getItemProps={(number) => ({ "aria-label": t("page", { page: number }) })}
          />
          <span className="soft num">{hasNextPage ? t("countSoFar", { meters: count }) : count}</span>
          {hasNextPage && (
            <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              {t("loadMore")}
            </Button>
          )}
        </div>
      )}
    </>
  );
}
