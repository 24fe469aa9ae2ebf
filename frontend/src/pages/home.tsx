import { Button, Pagination, Skeleton, TextInput } from "@mantine/core";
import { useDeferredValue, useMemo, useState } from "react";
import { Link } from "wouter";
import { useDevices } from "../api/queries";
import { HomeSummary } from "../components/home-summary";
import { Icon } from "../components/icon";
import { MeterCard } from "../components/meter-card";
import { Failure, Notice } from "../components/notice";
import { matches, sortDevices } from "../lib/filter";
import { useTitle, useUser } from "../lib/hooks";
import css from "./home.module.css";

const CARDS = 24;
/** Below this many nobody needs to search. */
const FILTER_FROM = 7;

function Skeletons() {
  return (
    <div className={css.grid} role="status" aria-busy="true" aria-label="Loading the meters">
      {["a", "b", "c", "d", "e", "f"].map((key) => (
        <Skeleton key={key} height={262} radius={14} />
      ))}
    </div>
  );
}

function NoMeters() {
  const { role } = useUser();
  return (
    <Notice icon="meter" title="No meters yet">
      {role === "admin" ? (
        <>
          Add the first one under <Link href="/devices">Devices</Link>: it gets its name, its owner and its
          password there.
        </>
      ) : (
        "As soon as a meter is assigned to you, it is here."
      )}
    </Notice>
  );
}

export function HomePage() {
  useTitle("Meters");
  const { devices, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useDevices();
  const [text, setText] = useState("");
  const [page, setPage] = useState(1);
  const wanted = useDeferredValue(text);
  const sorted = useMemo(() => sortDevices(devices ?? []), [devices]);
  const found = useMemo(() => sorted.filter((device) => matches(device, wanted)), [sorted, wanted]);
  const pages = Math.ceil(found.length / CARDS);
  const shown = Math.min(page, Math.max(pages, 1));
  const retry = () => void refetch();

  if (!devices || devices.length === 0)
    return (
      <>
        <h1 className={css.alone}>Meters</h1>
        {devices && <NoMeters />}
        {!devices && error && <Failure what="The meters could not be loaded" error={error} onRetry={retry} />}
        {!devices && !error && <Skeletons />}
      </>
    );
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>Meters</h1>
          <HomeSummary devices={sorted} />
        </div>
        {devices.length >= FILTER_FROM && (
          <TextInput
            className={css.filter}
            type="search"
            aria-label="Filter the meters"
            placeholder="Name, meter or owner"
            leftSection={<Icon name="search" size={18} />}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setPage(1);
            }}
          />
        )}
      </div>
      {error && <Failure what="The list is not up to date" error={error} onRetry={retry} />}
      {found.length === 0 && <Notice icon="search" title={`No meter matches “${wanted}”`} />}
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
            getControlProps={(control) => ({ "aria-label": `${control} page` })}
            getItemProps={(number) => ({ "aria-label": `Page ${number}` })}
          />
          <span className="soft num">
            {found.length} meter{found.length === 1 ? "" : "s"}
            {hasNextPage && " so far"}
          </span>
          {hasNextPage && (
            <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              Load more
            </Button>
          )}
        </div>
      )}
    </>
  );
}
