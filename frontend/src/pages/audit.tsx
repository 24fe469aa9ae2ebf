import { Button, NativeSelect, Skeleton, TextInput } from "@mantine/core";
import { type SubmitEvent, useMemo, useState } from "react";
import type { AuditQuery } from "../api/admin";
import { useAudit, usePeople } from "../api/admin-queries";
import css from "../components/admin/admin.module.css";
import { AuditEntryRow } from "../components/admin/audit-entry";
import { ChainState } from "../components/admin/chain-state";
import { Failure, Notice } from "../components/notice";
import { serverNow } from "../lib/clock";
import { usePlace, useTitle } from "../lib/hooks";
import { addDays, dateOf, isDate, startOfDay } from "../lib/zone";
import { useText } from "../text/text";
import "../text/manage";

/** What an action begins with, of the things that change here. */
const GROUPS = [
  "device.",
  "account.",
  "user.",
  "session.",
  "login.",
  "password.",
  "link.",
  "key.",
  "tariff.",
  "invoice.",
  "entry.",
  "fee.",
  "exception.",
  "dispute.",
  "reading.",
  "utility.",
  "site.",
  "settings.",
] as const;
const DAYS = 30;

export default function AuditPage() {
  const { t } = useText("audit");
  useTitle(t("title"));
  const { timezone } = usePlace();
  const [today] = useState(() => dateOf(serverNow(), timezone));
  const begin = (from: string, to: string): Pick<AuditQuery, "fromMs" | "toMs"> => ({
    fromMs: startOfDay(isDate(from) ? from : addDays(today, -DAYS), timezone),
    toMs: startOfDay(addDays(isDate(to) ? to : today, 1), timezone),
  });
  const [query, setQuery] = useState<AuditQuery>(() => ({
    ...begin("", ""),
    action: "",
    subject: "",
    user: "",
  }));
  const result = useAudit(query);
  const {
    entries,
    chain,
    error,
    refetch,
    hasNextPage,
    isFetchingNextPage,
    fetchNextPage,
    isPlaceholderData,
  } = result;
  const { people } = usePeople();
  // The log knows people by number; who may read it may know their names too.
  const names = useMemo(() => new Map(people?.map(({ id, name, email }) => [id, name ?? email])), [people]);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    setQuery({
      ...begin(text("from"), text("to")),
      action: text("action"),
      subject: text("subject"),
      user: text("user"),
    });
  };
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
      </div>
      <div className={css.stack}>
        <ChainState chain={chain} />
        <form className={`panel ${css.card} ${css.form}`} onSubmit={submit} aria-label={t("filters")}>
          <div className={css.pair}>
            <TextInput
              name="from"
              type="date"
              label={t("from")}
              defaultValue={addDays(today, -DAYS)}
              max={today}
            />
            <TextInput name="to" type="date" label={t("to")} defaultValue={today} max={today} />
            <NativeSelect
              name="action"
              label={t("action")}
              data={[
                { value: "", label: t("allActions") },
                ...GROUPS.map((value) => ({
                  value,
                  label: t(`groups.${value.replace(".", "")}` as "groups.device"),
                })),
              ]}
            />
            <TextInput name="subject" label={t("subject")} placeholder={t("subjectHint")} />
            <TextInput name="user" label={t("user")} placeholder={t("userHint")} />
          </div>
          <div className={css.actions}>
            <Button type="submit" loading={isPlaceholderData}>
              {t("apply")}
            </Button>
          </div>
        </form>
        {error && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
        {!entries && !error && (
          <Skeleton role="status" aria-label={t("common:loading")} height={320} radius={14} />
        )}
        {entries?.length === 0 && (
          <Notice icon="search" title={t("none")}>
            {t("noneHint")}
          </Notice>
        )}
        {entries && entries.length > 0 && (
          <ol className={css.stack} aria-label={t("title")}>
            {entries.map((entry) => (
              <li key={entry.no}>
                <AuditEntryRow entry={entry} names={names} />
              </li>
            ))}
          </ol>
        )}
        {hasNextPage && (
          <div>
            <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              {t("more")}
            </Button>
          </div>
        )}
      </div>
    </>
  );
}
