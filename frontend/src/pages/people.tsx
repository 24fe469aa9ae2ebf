import { Button, NativeSelect, Skeleton, TextInput } from "@mantine/core";
import { useDeferredValue, useMemo, useState } from "react";
import { Link } from "wouter";
import { usePeople } from "../api/admin-queries";
import type { Person } from "../api/admin-types";
import { AddPerson } from "../components/admin/add-person";
import css from "../components/admin/admin.module.css";
import { PersonTags } from "../components/admin/person-tags";
import { type Column, VirtualTable } from "../components/admin/virtual-table";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import type { Order } from "../lib/fleet";
import { dateOnly, whole } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import { filterPeople, type PeopleFilter, type PeopleSort, sortPeople } from "../lib/people";
import { useText } from "../text/text";
import "../text/manage";

const FILTERS = ["all", "admin", "consumer", "waiting", "disabled", "erased"] as const;

export default function PeoplePage() {
  const { t } = useText("people");
  useTitle(t("title"));
  const { timezone, locale } = usePlace();
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim());
  const [filter, setFilter] = useState<PeopleFilter>("all");
  const searching = wanted !== "" || filter !== "all";
  const { people, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = usePeople(searching);
  const [order, setOrder] = useState<Order<PeopleSort>>({ by: "name", down: false });
  const shown = useMemo(
    () => sortPeople(filterPeople(people ?? [], wanted, filter), order),
    [people, wanted, filter, order],
  );
  const columns: Column<Person, PeopleSort>[] = [
    {
      key: "name",
      label: t("person"),
      sorts: true,
      cell: ({ id, name, email }) => (
        <>
          <Link href={`/people/${id}`}>{name ?? email}</Link>
          {name && <small>{email}</small>}
        </>
      ),
    },
    { key: "role", label: t("role"), sorts: true, on: "wide", cell: ({ role }) => t(`roles.${role}`) },
    { key: "state", label: t("state"), sorts: true, cell: (person) => <PersonTags person={person} /> },
    {
      key: "since",
      label: t("since"),
      sorts: true,
      on: "wide",
      cell: ({ created_at }) => dateOnly(created_at, timezone, locale),
    },
  ];
  return (
    <>
      <div className={css.head}>
        <h1>{t("title")}</h1>
        <AddPerson />
      </div>
      {error && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!people && !error && (
        <Skeleton role="status" aria-label={t("common:loading")} height={320} radius={14} />
      )}
      {people && (
        <>
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
              aria-label={t("show")}
              value={filter}
              onChange={(event) => setFilter(event.currentTarget.value as PeopleFilter)}
              data={FILTERS.map((value) => ({ value, label: t(`filters.${value}`) }))}
            />
          </search>
          <p className={css.count} role="status">
            {t("count", { count: shown.length, n: whole(shown.length, locale) })}
          </p>
          {shown.length === 0 && searching && hasNextPage && !error ? (
            <Skeleton role="status" aria-label={t("common:loading")} height={60} radius={14} />
          ) : shown.length === 0 ? (
            <Notice icon="search" title={t("noMatch")}>
              {t("noMatchHint")}
            </Notice>
          ) : (
            <VirtualTable
              name={t("title")}
              columns={columns}
              rows={shown}
              keyOf={({ id }) => id}
              order={order}
              onOrder={setOrder}
              more={hasNextPage}
            />
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
