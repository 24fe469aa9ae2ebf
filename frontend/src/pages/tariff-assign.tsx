import { Button, NativeSelect, Skeleton, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { changeAccount } from "../api/office";
import { useAccounts, useMoneyMoved } from "../api/office-queries";
import { useDefaultTariff, useTariffs } from "../api/queries";
import type { Account } from "../api/types";
import { Icon } from "../components/icon";
import { explain, Failure, Notice } from "../components/notice";
import { MoreRows, useRows } from "../components/office/more-rows";
import css from "../components/office/office.module.css";
import { TableRegion, Tag } from "../components/office/parts";
import { accountMatches, accountName } from "../lib/accounts";
import { assigned, tariffOn } from "../lib/assign";
import { longDate } from "../lib/format";
import { useNow, usePlace, useTitle } from "../lib/hooks";
import { addMonths, dateOf, isDate, monthOf } from "../lib/zone";
import "../text/office";
import { useText } from "../text/text";

/** Done one after the other, so that one that is refused does not keep the others back. */
function useAssigning(name: string, from: string, fallback: string | null) {
  const moved = useMoneyMoved();
  const [outcome, setOutcome] = useState<ReadonlyMap<string, string>>(new Map());
  const [progress, setProgress] = useState<{ done: number; count: number } | null>(null);
  const run = async (accounts: readonly Account[]) => {
    const told = new Map<string, string>();
    for (const [done, { account_id, tariffs }] of accounts.entries()) {
      setProgress({ done, count: accounts.length });
      try {
        await changeAccount(account_id, { tariffs: assigned(tariffs, name, from, fallback) });
        told.set(account_id, "");
      } catch (error) {
        told.set(account_id, explain(error as Error));
      }
      setOutcome(new Map(told));
    }
    setProgress(null);
    moved();
  };
  return { outcome, progress, run };
}

interface AssignProps {
  accounts: Account[];
  /** The list that they are of, if the server may have more. */
  following: Parameters<typeof useRows>[2];
  name: string;
  from: string;
}

function AssignTable({ accounts, following, name, from }: AssignProps) {
  const { t } = useText("editor");
  const { locale } = usePlace();
  const { fallback } = useDefaultTariff();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { outcome, progress, run } = useAssigning(name, from, fallback);
  const on = (account: Account) => tariffOn(account.tariffs, from, fallback);
  const found = accounts.filter((account) => accountMatches(account, text));
  const free = found.filter((account) => on(account) !== name);
  const { shown, more } = useRows(found, text, following);
  const picked = accounts.filter(({ account_id }) => chosen.has(account_id));
  const all = free.length > 0 && free.every(({ account_id }) => chosen.has(account_id));
  const done = [...outcome.values()].filter((why) => why === "").length;
  const choose = (ids: readonly string[], to: boolean) =>
    setChosen((before) => {
      const next = new Set(before);
      for (const id of ids) {
        if (to) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  return (
    <div className={css.rows}>
      <div className={css.tools}>
        <TextInput
          type="search"
          label={t("assignSearch")}
          placeholder={t("assignSearchHint")}
          leftSection={<Icon name="search" size={18} />}
          value={text}
          onChange={({ currentTarget: { value } }) => setText(value)}
        />
        <Button
          disabled={picked.length === 0 || !isDate(from)}
          loading={progress !== null}
          onClick={() => void run(picked).then(() => setChosen(new Set()))}
        >
          {t("assignRun", { count: picked.length })}
        </Button>
      </div>
      <div aria-live="polite">
        {progress && (
          <>
            <progress className={css.progress} value={progress.done} max={progress.count} />
            <p>{t("assigning", progress)}</p>
          </>
        )}
        {!progress && done > 0 && (
          <p className={css.good}>{t("assigned", { count: done, name, date: longDate(from, locale) })}</p>
        )}
      </div>
      {found.length === 0 && <Notice icon="search" title={t("noMatch", { text })} />}
      {found.length > 0 && (
        <TableRegion label={t("assignTitle")}>
          <thead>
            <tr>
              <th scope="col">
                <input
                  type="checkbox"
                  className={css.pick}
                  aria-label={t("assignAll")}
                  checked={all}
                  onChange={() =>
                    choose(
                      free.map(({ account_id }) => account_id),
                      !all,
                    )
                  }
                />
              </th>
              <th scope="col">{t("account")}</th>
              <th scope="col">{t("assignNow2")}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((account) => (
              <tr key={account.account_id}>
                <td>
                  {on(account) !== name && (
                    <input
                      type="checkbox"
                      className={css.pick}
                      aria-label={t("assignChoose", { account: accountName(account) })}
                      checked={chosen.has(account.account_id)}
                      onChange={({ currentTarget: { checked } }) => choose([account.account_id], checked)}
                    />
                  )}
                </td>
                <th scope="row">
                  <Link href={`/accounts/${account.account_id}`}>{accountName(account)}</Link>
                  <small>{account.meters.map(({ device_id }) => device_id).join(", ")}</small>
                </th>
                <td>
                  {on(account) ?? "—"} {on(account) === name && <Tag tone="good">{t("already")}</Tag>}
                  {outcome.get(account.account_id) && (
                    <p className={css.error} role="alert">
                      {t("assignFailed")}: {outcome.get(account.account_id)}
                    </p>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </TableRegion>
      )}
      <MoreRows {...more} />
    </div>
  );
}

/** Puts accounts on a tariff from a day on. */
export default function TariffAssignPage() {
  const { t } = useText("editor");
  const { timezone } = usePlace();
  useTitle(t("assignTitle"));
  const [params] = useSearchParams();
  const today = dateOf(useNow(60_000), timezone);
  const { tariffs } = useTariffs();
  const result = useAccounts();
  const { rows, error, refetch } = result;
  const names = [...new Set(tariffs?.map(({ name }) => name))];
  const [name, setName] = useState(params.get("name") ?? "");
  const asked = params.get("from");
  const [from, setFrom] = useState(isDate(asked) ? asked : `${addMonths(monthOf(today), 1)}-01`);
  const chosen = name || (names[0] ?? "");
  return (
    <>
      <div className={css.head}>
        <div>
          <p>
            <Link href="/tariffs">{t("back")}</Link>
          </p>
          <h1>{t("assignTitle")}</h1>
          <p className="soft">{t("assignMotto")}</p>
        </div>
        <div className={css.tools}>
          <NativeSelect
            label={t("assignTariff")}
            value={chosen}
            data={names}
            onChange={({ currentTarget: { value } }) => setName(value)}
          />
          <TextInput
            type="date"
            label={t("assignFrom")}
            value={from}
            error={isDate(from) ? undefined : t("fault.dateForm")}
            onChange={({ currentTarget: { value } }) => setFrom(value)}
          />
        </div>
      </div>
      {error && !rows && <Failure what={t("assignFailed")} error={error} onRetry={() => void refetch()} />}
      {!rows && !error && <Skeleton height={320} radius={14} aria-label={t("common:loading")} />}
      {rows?.length === 0 && (
        <Notice icon="empty" title={t("assignNone")}>
          {t("assignNoneHint")}
        </Notice>
      )}
      {rows && rows.length > 0 && (
        <section className={`panel ${css.panel}`}>
          <AssignTable
            key={`${chosen} ${from}`}
            accounts={rows}
            following={result}
            name={chosen}
            from={from}
          />
        </section>
      )}
    </>
  );
}
