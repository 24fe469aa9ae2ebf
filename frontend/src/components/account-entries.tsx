import type { Entry } from "../api/types";
import { dateOnly } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { codeWords, useText } from "../text/text";
import css from "./bill.module.css";
import "../text/later";

/** All that was charged and paid, the newest first, with what was owed after each. */
export function AccountEntries({ entries }: { entries: readonly Entry[] }) {
  const { t } = useText("money");
  const { locale, timezone } = usePlace();
  return (
    <details className={css.entries}>
      <summary>{t("entries.title")}</summary>
      <table className={css.plain}>
        <thead>
          <tr>
            <th scope="col">{t("entries.date")}</th>
            <th scope="col">{t("entries.what")}</th>
            <th scope="col">{t("entries.amount")}</th>
            <th scope="col">{t("entries.owed")}</th>
          </tr>
        </thead>
        <tbody>
          {entries.toReversed().map(({ no, kind, at, amount, balance, currency, invoice, reference }) => (
            <tr key={no}>
              <td>{dateOnly(at, timezone, locale)}</td>
              <th scope="row">
                {codeWords("money", "entry", kind) ?? kind}
                {(invoice ?? reference) && <small>{[invoice, reference].filter(Boolean).join(", ")}</small>}
              </th>
              <td>{formatMoney(amount, currency, locale)}</td>
              <td>{formatMoney(balance, currency, locale)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
