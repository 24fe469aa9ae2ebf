import { Skeleton } from "@mantine/core";
import { Link } from "wouter";
import { useInvoice } from "../api/office-queries";
import type { InvoiceDetail } from "../api/types";
import { BillFacts } from "../components/bill-facts";
import { BillTable } from "../components/bill-table";
import { InvoicePdf } from "../components/invoice-pdf";
import { Failure } from "../components/notice";
import { InvoiceSteps } from "../components/office/invoice-steps";
import { useAccountName } from "../components/office/names";
import css from "../components/office/office.module.css";
import { Tag } from "../components/office/parts";
import { statusWords } from "../lib/bill-words";
import { dateOnly, monthName } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import "../text/office";
import { useText } from "../text/text";

function Facts({ invoice }: { invoice: InvoiceDetail }) {
  const { t } = useText("run");
  const { locale, timezone } = usePlace();
  const nameOf = useAccountName();
  const money = (amount: string) => formatMoney(amount, invoice.currency, locale);
  const facts: [string, React.ReactNode][] = [
    [
      t("account"),
      <Link key="a" href={`/accounts/${invoice.account_id}`}>
        {nameOf(invoice.account_id)}
      </Link>,
    ],
    [t("month"), monthName(invoice.month, locale)],
    [t("total"), money(invoice.total)],
    [t("issuedOn"), dateOnly(invoice.issued_at, timezone, locale)],
  ];
  if (invoice.kind === "invoice") {
    facts.push([t("paid"), money(invoice.paid)]);
    if (invoice.due_at) facts.push([t("due"), dateOnly(invoice.due_at, timezone, locale)]);
    facts.push([t("state"), <Tag key="s">{statusWords(invoice.status)}</Tag>]);
  }
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

/** What a revision differs in, or what a credit note takes back, and why. */
function Story({ invoice }: { invoice: InvoiceDetail }) {
  const { t } = useText("run");
  const { locale } = usePlace();
  const { difference, credits, reason } = invoice.bill;
  const money = (amount: string) => formatMoney(amount, invoice.currency, locale);
  if (difference)
    return (
      <div className={css.good} data-testid="difference">
        <p>
          {t("difference", {
            previous: difference.previous,
            before: money(difference.previous_total),
            total: money(difference.total),
            difference: money(difference.difference),
          })}
        </p>
        <p>{t("because", { reason: difference.reason })}</p>
      </div>
    );
  if (!credits) return null;
  return (
    <div className={css.good}>
      <p>{t("takes", { number: credits })}</p>
      {reason && <p>{t("because", { reason })}</p>}
    </div>
  );
}

/** One invoice or credit note: what it says, and what can be done about it. */
export default function BillingInvoicePage({ device, number }: { device: string; number: string }) {
  const { t } = useText("run");
  const { data: invoice, error, refetch } = useInvoice(device, number);
  const title = t(invoice?.kind === "credit_note" ? "creditTitle" : "invoiceTitle", { number });
  useTitle(title);
  return (
    <>
      <div className={css.head}>
        <div>
          <p>
            <Link href={invoice ? `/billing/invoices?month=${invoice.month}` : "/billing/invoices"}>
              {t("invoices")}
            </Link>
          </p>
          <h1>{title}</h1>
        </div>
        {invoice && <InvoicePdf id={device} number={number} />}
      </div>
      {error && !invoice && (
        <Failure what={t("invoiceFailed")} error={error} onRetry={() => void refetch()} />
      )}
      {!invoice && !error && <Skeleton height={480} radius={14} aria-label={t("common:loading")} />}
      {invoice && (
        <div className={css.column}>
          <section className={`panel ${css.panel}`} aria-label={title}>
            <div className={css.rows}>
              <Facts invoice={invoice} />
              <Story invoice={invoice} />
              <InvoiceSteps device={device} invoice={invoice} />
            </div>
          </section>
          <section className={`panel ${css.panel}`} aria-label={t("bill")}>
            <BillTable id={device} bill={invoice.bill} running={false} />
            <BillFacts bill={invoice.bill} running={false} />
          </section>
        </div>
      )}
    </>
  );
}
