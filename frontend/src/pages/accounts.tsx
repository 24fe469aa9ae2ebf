import { Button, NativeSelect, Skeleton, TextInput } from "@mantine/core";
import { useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { importAccounts } from "../api/office";
import { useAccounts } from "../api/office-queries";
import { useDefaultTariff } from "../api/queries";
import type { Account } from "../api/types";
import { Dialog } from "../components/dialog";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import { AccountForm } from "../components/office/account-form";
import { Balance } from "../components/office/balance";
import { CsvImport } from "../components/office/csv-import";
import { MoreRows, useRows } from "../components/office/more-rows";
import css from "../components/office/office.module.css";
import { TableRegion } from "../components/office/parts";
import { accountMatches, accountName } from "../lib/accounts";
import { tariffOn } from "../lib/assign";
import { longDate } from "../lib/format";
import { useNow, usePlace, useTitle } from "../lib/hooks";
import { formatMoney, minorDigits, scaled, sumMoney } from "../lib/money";
import { addDays, dateOf } from "../lib/zone";
import "../text/office";
import { useText } from "../text/text";

function Row({ account, today }: { account: Account; today: string }) {
  const { t } = useText("ledger");
  const { locale } = usePlace();
  const { fallback } = useDefaultTariff();
  const { account_id, email, meters, tariffs, from, to } = account;
  const site = tariffs.length === 0 && fallback !== null;
  return (
    <tr>
      <th scope="row">
        <Link href={`/accounts/${account_id}`}>{accountName(account)}</Link>
        <small>{email}</small>
      </th>
      <td>{meters.map(({ device_id }) => device_id).join(", ") || "—"}</td>
      <td>{site ? t("siteTariff", { name: fallback }) : (tariffOn(tariffs, today, fallback) ?? "—")}</td>
      <td>
        {from ? t("since", { date: longDate(from, locale) }) : !to && t("always")}
        {to && <small>{t("until", { date: longDate(addDays(to, -1), locale) })}</small>}
      </td>
      <td className={css.num}>
        <Balance amount={account.balance} />
      </td>
    </tr>
  );
}

function OpenAccount() {
  const { t } = useText("ledger");
  const { locale, currency } = usePlace();
  const [, navigate] = useLocation();
  const [opened, setOpened] = useState<"form" | "file" | null>(null);
  const close = () => setOpened(null);
  return (
    <>
      <Button variant="default" onClick={() => setOpened("file")}>
        {t("import")}
      </Button>
      <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setOpened("form")}>
        {t("add")}
      </Button>
      <Dialog opened={opened !== null} onClose={close} title={t(opened === "file" ? "import" : "add")} typed>
        {opened === "form" && (
          <AccountForm onDone={({ account_id }) => navigate(`/accounts/${account_id}`)} />
        )}
        {opened === "file" && (
          <CsvImport
            id="accounts-file"
            hint={t("importHint")}
            send={async (csv, dryRun) => {
              const { accounts, added, known, opening_balance } = await importAccounts(csv, dryRun);
              return {
                count: accounts,
                added,
                known,
                amount: formatMoney(opening_balance, currency, locale),
              };
            }}
          />
        )}
      </Dialog>
    </>
  );
}

/** All tenancies, with what they owe. */
export default function AccountsPage() {
  const { t } = useText("ledger");
  const { locale, currency, timezone } = usePlace();
  useTitle(t("title"));
  const today = dateOf(useNow(60_000), timezone);
  const result = useAccounts();
  const { rows, error, refetch } = result;
  const [text, setText] = useState("");
  const [order, setOrder] = useState("name");
  const found = useMemo(() => {
    const minor = ({ balance }: Account) => scaled(balance, minorDigits(currency)) ?? 0n;
    const byName = (a: Account, b: Account) =>
      accountName(a).localeCompare(accountName(b), locale, { numeric: true });
    const byBalance = (a: Account, b: Account) => (minor(b) > minor(a) ? 1 : minor(b) < minor(a) ? -1 : 0);
    return (rows ?? [])
      .filter((account) => accountMatches(account, text))
      .toSorted(order === "balance" ? byBalance : byName);
  }, [rows, text, order, locale, currency]);
  const { shown, more } = useRows(found, `${order} ${text}`, result);
  const owed = sumMoney(
    (rows ?? []).map(({ balance }) => balance).filter((balance) => !balance.startsWith("-")),
    currency,
  );
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
        <div className={css.tools}>
          <OpenAccount />
        </div>
      </div>
      {error && !rows && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!rows && !error && <Skeleton height={320} radius={14} aria-label={t("common:loading")} />}
      {rows?.length === 0 && (
        <Notice icon="empty" title={t("none")}>
          {t("noneHint")}
        </Notice>
      )}
      {rows && rows.length > 0 && (
        <div className={css.column}>
          <div className={css.tools}>
            <TextInput
              type="search"
              label={t("search")}
              placeholder={t("searchHint")}
              leftSection={<Icon name="search" size={18} />}
              value={text}
              onChange={({ currentTarget: { value } }) => setText(value)}
            />
            <NativeSelect
              label={t("sort")}
              value={order}
              data={[
                { value: "name", label: t("byName") },
                { value: "balance", label: t("byBalance") },
              ]}
              onChange={({ currentTarget: { value } }) => setOrder(value)}
            />
            <p className="soft">{t("owedInAll", { amount: formatMoney(owed, currency, locale) })}</p>
          </div>
          {found.length === 0 && <Notice icon="search" title={t("noMatch", { text })} />}
          {found.length > 0 && (
            <div className="panel">
              <TableRegion label={t("title")}>
                <thead>
                  <tr>
                    <th scope="col">{t("account")}</th>
                    <th scope="col">{t("meters")}</th>
                    <th scope="col">{t("tariff")}</th>
                    <th scope="col">{t("tenancy")}</th>
                    <th scope="col" className={css.num}>
                      {t("balance")}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map((account) => (
                    <Row key={account.account_id} account={account} today={today} />
                  ))}
                </tbody>
              </TableRegion>
            </div>
          )}
          <MoreRows {...more} />
        </div>
      )}
    </>
  );
}
