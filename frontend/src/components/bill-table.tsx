import { Fragment, useState } from "react";
import type { Bill } from "../api/types";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { BillLineRow } from "./bill-line";
import { BillSegmentRow } from "./bill-segment";
import { LineExplanation } from "./line-explanation";

const rank = (kind: string | undefined) => (kind === "rounding" ? 2 : kind === "tax" ? 1 : 0);

/** Charges, their subtotal, taxes, the total: in the order in which they add up. */
export function BillTable({ id, bill, running }: { id: string; bill: Bill; running: boolean }) {
  const [open, setOpen] = useState<number | null>(null);
  const { t } = useText("bill");
  const { locale } = usePlace();
  const money = (amount: string) => formatMoney(amount, bill.currency, locale);
  const segments = bill.segments ?? [];
  const rows = bill.lines.map((line, i) => {
    const head = segments.length > 1 ? segments.find(({ first_line }) => first_line === i) : undefined;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: a bill's lines have an order and no other identity
      <Fragment key={`${line.kind} ${line.name} ${i}`}>
        {head && <BillSegmentRow segment={head} />}
        <BillLineRow
          line={line}
          currency={bill.currency}
          open={open === i}
          onToggle={() => setOpen(open === i ? null : i)}
        />
        {open === i && (
          <tr className={css.whyRow}>
            <td colSpan={4} className={css.why}>
              <LineExplanation id={id} month={bill.month} index={i} />
            </td>
          </tr>
        )}
      </Fragment>
    );
  });
  const group = (wanted: number) => rows.filter((_, i) => rank(bill.lines[i]?.kind) === wanted);
  return (
    <table className={css.table}>
      <thead>
        <tr>
          <th scope="col">{t("charge")}</th>
          <th scope="col">{t("quantity")}</th>
          <th scope="col">{t("rate")}</th>
          <th scope="col">{t("amount")}</th>
        </tr>
      </thead>
      <tbody>
        {group(0)}
        <tr className={css.sum}>
          <th scope="row" colSpan={3}>
            {t("subtotal")}
          </th>
          <td data-testid="subtotal">{money(bill.subtotal)}</td>
        </tr>
        {group(1)}
        {group(1).length > 1 && (
          <tr className={css.sum}>
            <th scope="row" colSpan={3}>
              {t("taxes")}
            </th>
            <td>{money(bill.tax)}</td>
          </tr>
        )}
        {group(2)}
      </tbody>
      <tfoot>
        <tr className={css.total}>
          <th scope="row" colSpan={3}>
            {t(running ? "totalSoFar" : "total")}
          </th>
          <td data-testid="total">{money(bill.total)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
