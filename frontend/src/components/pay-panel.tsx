import { Button } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useBill, useEntries, useInvoice, useInvoices } from "../api/queries";
import { signOf, size } from "../lib/decimal";
import { dateOnly } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { upiLink } from "../lib/upi";
import type { LocalMonth } from "../lib/zone";
import { useText } from "../text/text";
import { AccountEntries } from "./account-entries";
import css from "./bill.module.css";
import { Failure } from "./notice";
import "../text/later";

const QrCode = lazy(() => import("./qr-code"));

interface PayPanelProps {
  id: string;
  month: LocalMonth;
  running: boolean;
}

/** What is owed, and how to pay it. */
export function PayPanel({ id, month, running }: PayPanelProps) {
  const { t } = useText("money");
  const { locale, timezone } = usePlace();
  const { data: bill } = useBill(id, month, running);
  const { balance, entries, error, refetch } = useEntries(bill?.account_id);
  const { invoices } = useInvoices(id);
  const own = invoices?.filter(
    ({ account_id, kind }) => account_id === bill?.account_id && kind === "invoice",
  );
  const open = own?.filter(({ status }) => status === "issued" || status === "overdue");
  const overdue = open?.filter(({ status }) => status === "overdue") ?? [];
  const newest = open?.at(-1);
  const { data: invoice } = useInvoice(id, newest?.number);
  if (bill && bill.account_id === null) return null;
  if (!balance) {
    if (!error) return null;
    return (
      <section className={`panel ${css.panel}`} aria-labelledby="pay">
        <h2 id="pay">{t("pay.title")}</h2>
        <Failure what={t("pay.notLoaded")} error={error} onRetry={() => void refetch()} />
      </section>
    );
  }
  const owed = signOf(balance.amount);
  const amount = formatMoney(size(balance.amount), balance.currency, locale);
  const upi = owed > 0 ? invoice?.upi : null;
  const link = upi && upiLink(upi, balance.amount);
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="pay" data-testid="pay">
      <h2 id="pay">{t("pay.title")}</h2>
      <p className={css.big}>
        <strong className="num" data-testid="balance">
          {amount}
        </strong>{" "}
        <span className="soft">{t(owed > 0 ? "pay.owed" : owed < 0 ? "pay.credit" : "pay.nothing")}</span>
      </p>
      {overdue.length > 0 && (
        <p className={css.warn}>
          {t("pay.overdue", { invoices: overdue.map(({ number }) => number).join(", ") })}
        </p>
      )}
      {owed > 0 && newest?.due_at && overdue.length === 0 && (
        <p className={css.small}>{t("pay.due", { date: dateOnly(newest.due_at, timezone, locale) })}</p>
      )}
      {link && upi && (
        <div className={css.upi}>
          <div className={css.upiText}>
            <Button component="a" className={css.payLink} href={link} data-testid="upi">
              {t("pay.upi", { amount })}
            </Button>
            <p className={css.small}>{t("pay.how")}</p>
            <dl className={css.payee}>
              <dt>{t("pay.id")}</dt>
              <dd>{upi.id}</dd>
              {upi.name && (
                <>
                  <dt>{t("pay.name")}</dt>
                  <dd>{upi.name}</dd>
                </>
              )}
              <dt>{t("pay.reference")}</dt>
              <dd>{upi.reference}</dd>
            </dl>
          </div>
          <Suspense fallback={null}>
            <QrCode text={link} label={t("pay.qr", { amount })} ecc="M" className={css.qr} />
          </Suspense>
        </div>
      )}
      {owed > 0 && invoice && !upi && <p className={css.small}>{t("pay.noUpi")}</p>}
      {owed > 0 && invoices && !newest && <p className={css.small}>{t("pay.noInvoice")}</p>}
      {entries && entries.length > 0 && <AccountEntries entries={entries} />}
    </section>
  );
}
