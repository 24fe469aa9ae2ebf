import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { useAccount, useFoundInvoices } from "../api/office-queries";
import type { Account } from "../api/types";
import { Dialog } from "../components/dialog";
import { Failure } from "../components/notice";
import { AccountForm } from "../components/office/account-form";
import { Balance } from "../components/office/balance";
import { Entries } from "../components/office/entries";
import { InvoiceTable } from "../components/office/invoice-table";
import css from "../components/office/office.module.css";
import { PaymentForm } from "../components/office/payment-form";
import { accountName } from "../lib/accounts";
import { dateOnly, longDate } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import "../text/office";
import { useText } from "../text/text";

function Tenancy({ account }: { account: Account }) {
  const { t } = useText("ledger");
  const { locale, timezone } = usePlace();
  const { person, email, place, from, to, sanctioned_load_kw, meters, tariffs } = account;
  const day = (at: string) => dateOnly(at, timezone, locale);
  const facts: [string, React.ReactNode][] = [
    [t("person"), person || "—"],
    [t("place"), place || "—"],
    [t("email"), email ?? "—"],
    [t("from"), from ? longDate(from, locale) : t("always")],
    [t("to"), to ? longDate(to, locale) : t("always")],
    [t("load"), sanctioned_load_kw ?? "—"],
    [
      t("meters"),
      meters.map(({ device_id, from: since, to: until, sign, multiplier }) => (
        <span key={`${device_id} ${since}`} style={{ display: "block" }}>
          <Link href={`/meters/${device_id}`}>{device_id}</Link>
          <small>
            {[
              sign === -1 && t("subtracted"),
              multiplier !== 1 && t("times", { number: multiplier }),
              since && t("since", { date: day(since) }),
              until && t("until", { date: day(until) }),
            ]
              .filter(Boolean)
              .join(", ")}
          </small>
        </span>
      )),
    ],
    [
      t("tariff"),
      tariffs.length === 0
        ? t("tariffDefault")
        : tariffs.map(({ name, from: since }) => (
            <span key={`${name} ${since}`} style={{ display: "block" }}>
              {name}
              {since && <small>{t("since", { date: longDate(since, locale) })}</small>}
            </span>
          )),
    ],
  ];
  return (
    <dl className={css.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function AccountDetail({ account }: { account: Account }) {
  const { t } = useText("ledger");
  const [changing, setChanging] = useState(false);
  const { rows: invoices } = useFoundInvoices({ account: account.account_id });
  const open = (invoices ?? []).filter(
    ({ kind, status }) => kind === "invoice" && (status === "issued" || status === "overdue"),
  );
  return (
    <div className={css.column}>
      <section className={`panel ${css.panel}`} aria-labelledby="tenancy">
        <div className={css.head}>
          <h2 id="tenancy">{t("details")}</h2>
          <div className={css.tools}>
            <Button component={Link} href="/tariffs/assign" variant="default" size="sm">
              {t("assign")}
            </Button>
            <Button variant="default" size="sm" onClick={() => setChanging(true)}>
              {t("change")}
            </Button>
          </div>
        </div>
        <Tenancy account={account} />
      </section>
      <section className={`panel ${css.panel}`} aria-labelledby="pay">
        <h2 id="pay">{t("pay")}</h2>
        <PaymentForm account={account.account_id} open={open} />
      </section>
      <Entries account={account.account_id} />
      <section aria-labelledby="issued">
        <h2 id="issued" style={{ marginBottom: 10 }}>
          {t("invoices")}
        </h2>
        {invoices?.length === 0 && <p className="soft">{t("invoicesNone")}</p>}
        {invoices && invoices.length > 0 && (
          <InvoiceTable invoices={invoices.toReversed()} label={t("invoices")} named={false} />
        )}
      </section>
      <Dialog opened={changing} onClose={() => setChanging(false)} title={t("changeTitle")} typed>
        <AccountForm account={account} onDone={() => setChanging(false)} />
      </Dialog>
    </div>
  );
}

/** One tenancy: what it owes, what was paid, who it is. */
export default function AccountPage({ id }: { id: string }) {
  const { t } = useText("ledger");
  const { data: account, error, refetch } = useAccount(id);
  const title = account ? accountName(account) : t("account");
  useTitle(title);
  return (
    <>
      <div className={css.head}>
        <div>
          <p>
            <Link href="/accounts">{t("all")}</Link>
          </p>
          <h1>{title}</h1>
        </div>
        {account && (
          <dl className={css.facts}>
            <div>
              <dt>{t("balance")}</dt>
              <dd data-testid="balance">
                <Balance amount={account.balance} />
              </dd>
            </div>
          </dl>
        )}
      </div>
      {error && !account && (
        <Failure what={t("accountFailed")} error={error} onRetry={() => void refetch()} />
      )}
      {!account && !error && <Skeleton height={480} radius={14} aria-label={t("common:loading")} />}
      {account && <AccountDetail key={id} account={account} />}
    </>
  );
}
