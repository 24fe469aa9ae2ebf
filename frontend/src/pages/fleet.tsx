import { Button, NativeSelect, SegmentedControl, Skeleton, TextInput } from "@mantine/core";
import { useDeferredValue, useMemo, useState, useSyncExternalStore } from "react";
import { useSearchParams } from "wouter";
import { useFleet, useSettings } from "../api/admin-queries";
import { AddDevice } from "../components/admin/add-device";
import css from "../components/admin/admin.module.css";
import { FleetCards } from "../components/admin/fleet-cards";
import { FleetTable } from "../components/admin/fleet-table";
import { LossesPanel } from "../components/admin/losses-panel";
import { HomeSummary } from "../components/home-summary";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import { sortDevices } from "../lib/filter";
import {
  countStates,
  FLEET_STATES,
  type FleetSort,
  type FleetState,
  filterFleet,
  fleetRow,
  type Order,
  sortFleet,
} from "../lib/fleet";
import { whole } from "../lib/format";
import { useNow, usePlace, useTitle } from "../lib/hooks";
import { getLive, liveVersion, subscribeAnyLive } from "../live/store";
import { useText } from "../text/text";
import "../text/manage";

type View = "cards" | "table";
/** From so many meters on a table is what people look for. */
const TABLE_FROM = 25;
const NONE: readonly string[] = [];

/** Every meter of the site: as cards and as a table. */
export default function FleetPage({ view: asked }: { view?: View }) {
  const { t } = useText("fleet");
  useTitle(t("title"));
  const { locale } = usePlace();
  const { devices, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useFleet();
  const mains = useSettings().data?.main_meters ?? NONE;
  const [params, setParams] = useSearchParams();
  const [order, setOrder] = useState<Order<FleetSort>>({ by: "name", down: false });
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim());
  const said = params.get("view");
  const view: View =
    said === "cards" || said === "table"
      ? said
      : (asked ?? ((devices?.length ?? 0) < TABLE_FROM ? "cards" : "table"));
  const state = (FLEET_STATES.find((one) => one === params.get("state")) ?? "all") as FleetState | "all";

  // Ages and states step by ten seconds; a reading that comes in is drawn by its own row.
  const now = useNow(10_000);
  const version = useSyncExternalStore(subscribeAnyLive, () => Math.floor(liveVersion() / 500));
  const sorted = useMemo(() => sortDevices(devices ?? []), [devices]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the live readings are outside of React
  const rows = useMemo(
    () => sorted.map((device) => fleetRow(device, getLive(device.device_id), now)),
    [sorted, now, version],
  );
  const counts = useMemo(() => countStates(rows), [rows]);
  const shown = useMemo(
    () => sortFleet(filterFleet(rows, wanted, state), order),
    [rows, wanted, state, order],
  );
  const put = (name: string, value: string, usual: string) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === usual) next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const retry = () => void refetch();

  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          {devices && devices.length > 0 && <HomeSummary devices={sorted} />}
        </div>
        <AddDevice />
      </div>
      {error && <Failure what={t(devices ? "notUpToDate" : "failed")} error={error} onRetry={retry} />}
      {!devices && !error && (
        <div role="status" aria-busy="true" aria-label={t("loading")} className={css.stack}>
          <Skeleton height={96} radius={14} />
          <Skeleton height={420} radius={14} />
        </div>
      )}
      {devices?.length === 0 && (
        <Notice icon="meter" title={t("none")}>
          {t("noneHint")}
        </Notice>
      )}
      {devices && devices.length > 0 && (
        <>
          <LossesPanel />
          <search className={css.filters}>
            <TextInput
              className={css.search}
              type="search"
              aria-label={t("filter")}
              placeholder={t("filterHint")}
              leftSection={<Icon name="search" size={18} />}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
            <NativeSelect
              aria-label={t("state")}
              value={state}
              onChange={(event) => put("state", event.currentTarget.value, "all")}
              data={[
                { value: "all", label: t("allStates", { n: whole(rows.length, locale) }) },
                ...FLEET_STATES.map((one) => ({
                  value: one,
                  label: `${t(`states.${one}`)} (${whole(counts[one], locale)})`,
                })),
              ]}
            />
            <SegmentedControl
              aria-label={t("view")}
              value={view}
              onChange={(next) => put("view", next, "")}
              data={[
                { value: "cards", label: t("cards") },
                { value: "table", label: t("table") },
              ]}
            />
          </search>
          <p className={css.count} role="status">
            {t("count", { count: shown.length, n: whole(shown.length, locale) })}
            {hasNextPage && ` ${t("soFar")}`}
          </p>
          {shown.length === 0 ? (
            <Notice icon="search" title={t("noMatch")}>
              {t("noMatchHint")}
            </Notice>
          ) : view === "table" ? (
            <FleetTable rows={shown} mains={mains} order={order} onOrder={setOrder} more={hasNextPage} />
          ) : (
            <FleetCards key={`${wanted} ${state}`} rows={shown} />
          )}
          {hasNextPage && !isFetchingNextPage && (
            <Button variant="default" mt="md" onClick={() => void fetchNextPage()}>
              {t("more")}
            </Button>
          )}
        </>
      )}
    </>
  );
}
