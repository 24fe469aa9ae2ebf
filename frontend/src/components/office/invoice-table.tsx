import { Link } from "wouter";
import type { FoundInvoice } from "../../api/types";
import { statusWords } from "../../lib/bill-words";
import { dateOnly } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney } from "../../lib/money";
import { codeWords, useText } from "../../text/text";
import { InvoicePdf } from "../invoice-pdf";
import { MoreRows, useRows } from "./more-rows";
import { useAccountName } from "./names";
import css from "./office.module.css";
import { TableRegion, Tag } from "./parts";

const tones = { paid: "good", overdue: "bad", cancelled: "warn" } as const;

function State({ invoice }: { invoice: FoundInvoice }) {
  const { t } = useText("run");
  if (invoice.kind === "credit_note") return <Tag>{t("creditNote")}</Tag>;
  return (
    <>
      <Tag tone={tones[invoice.status as keyof typeof tones]}>{statusWords(invoice.status)}</Tag>
      {invoice.estimated && <Tag tone="warn">{codeWords("run", "flag", "estimated")}</Tag>}
    </>
  );
}

function Row({ invoice, named }: { invoice: FoundInvoice; named: boolean }) {
  const { locale, timezone } = usePlace();
  const nameOf = useAccountName();
  const { number, kind, account_id, device_id, currency, total, paid, due_at } = invoice;
  const money = (amount: string) => formatMoney(amount, currency, locale);
  return (
    <tr>
      <th scope="row">
        {device_id ? (
          <Link href={`/billing/invoices/${encodeURIComponent(device_id)}/${number}`}>{number}</Link>
        ) : (
          number
        )}
        <small>{dateOnly(invoice.issued_at, timezone, locale)}</small>
      </th>
      {named && (
        <td>
          <Link href={`/accounts/${account_id}`}>{nameOf(account_id)}</Link>
          <small>{device_id}</small>
        </td>
      )}
      <td>
        <State invoice={invoice} />
      </td>
      <td className={css.num}>{money((kind === "credit_note" ? "-" : "") + total)}</td>
      <td className={css.num}>{kind === "credit_note" ? "—" : money(paid)}</td>
      <td>{due_at && kind === "invoice" ? dateOnly(due_at, timezone, locale) : "—"}</td>
      <td className={css.act}>{device_id && <InvoicePdf id={device_id} number={number} />}</td>
    </tr>
  );
}

interface TableProps {
  invoices: readonly FoundInvoice[];
  label: string;
  /** False where all are of one account. */
  named?: boolean;
  /** The list that they are of, if the server may have more. */
  following?: Parameters<typeof useRows>[2];
}

export function InvoiceTable({ invoices, label, named = true, following }: TableProps) {
  const { t } = useText("run");
  const { shown, more } = useRows(invoices, label, following);
  return (
    <div className="panel">
      <TableRegion label={label}>
        <thead>
          <tr>
            <th scope="col">{t("number")}</th>
            {named && <th scope="col">{t("account")}</th>}
            <th scope="col">{t("state")}</th>
            <th scope="col" className={css.num}>
              {t("total")}
            </th>
            <th scope="col" className={css.num}>
              {t("paid")}
            </th>
            <th scope="col">{t("due")}</th>
            <th scope="col" className={css.act}>
              PDF
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((invoice) => (
            <Row key={invoice.number} invoice={invoice} named={named} />
          ))}
        </tbody>
      </TableRegion>
      <p className={css.more} style={{ paddingBottom: 12 }}>
        {t("count", { count: invoices.length })}
        {more.following && "+"}
      </p>
      <MoreRows {...more} />
    </div>
  );
}
