import { UnstyledButton } from "@mantine/core";
import { useInvoices } from "../api/queries";
import { statusWords } from "../lib/bill-words";
import { dateOnly, monthName } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import type { LocalMonth } from "../lib/zone";
import { useText } from "../text/text";
import { InvoiceDispute } from "./dispute";
import css from "./invoice-list.module.css";
import { InvoicePdf } from "./invoice-pdf";
import { Failure } from "./notice";

interface InvoiceListProps {
  id: string;
  month: LocalMonth;
  onChoose: (month: LocalMonth) => void;
}

/** A credit note says how much it gives back; among invoices that is less to pay. */
const credit = (kind: string) => (kind === "credit_note" ? "-" : "");

export function InvoiceList({ id, month, onChoose }: InvoiceListProps) {
  const { t } = useText("bill");
  const { locale, timezone } = usePlace();
  const { invoices, error, refetch } = useInvoices(id);
  const day = (at: string) => dateOnly(at, timezone, locale);
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="invoices">
      <h2 id="invoices">{t("invoices")}</h2>
      {error && !invoices && (
        <Failure what={t("invoicesFailed")} error={error} onRetry={() => void refetch()} />
      )}
      {invoices?.length === 0 && <p className="soft">{t("invoicesNone")}</p>}
      <ul className={css.list}>
        {invoices?.toReversed().map((invoice) => (
          <li key={invoice.number} className={css.item}>
            <UnstyledButton
              className={css.row}
              aria-current={invoice.month === month ? "true" : undefined}
              onClick={() => onChoose(invoice.month)}
            >
              <span className={css.month}>{monthName(invoice.month, locale)}</span>
              <span className={css.total}>
                {formatMoney(credit(invoice.kind) + invoice.total, invoice.currency, locale)}
              </span>
              <span className={css.small}>
                {credit(invoice.kind) ? t("creditNote", { number: invoice.number }) : invoice.number} ·{" "}
                {day(invoice.issued_at)}
                {invoice.due_at && `, ${t("due", { date: day(invoice.due_at) })}`}
              </span>
              <span className={css.status} data-status={invoice.status}>
                {statusWords(invoice.status)}
              </span>
            </UnstyledButton>
            <InvoicePdf id={id} number={invoice.number} />
            <InvoiceDispute id={id} invoice={invoice} />
          </li>
        ))}
      </ul>
    </section>
  );
}
