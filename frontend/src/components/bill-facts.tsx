import { Trans } from "react-i18next";
import type { Bill } from "../api/types";
import { editWords, eventWords, explanations } from "../lib/bill-words";
import { dateTime, measure, register } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { Figure } from "./figure";
import { Notice } from "./notice";

/** What the bill stands on: registers, events, edited readings, estimates. */
export function BillFacts({ bill, running }: { bill: Bill; running: boolean }) {
  const { t } = useText("bill");
  const { locale, timezone } = usePlace();
  const money = (amount: string) => formatMoney(amount, bill.currency, locale);
  const { projection } = bill;
  return (
    <>
      <dl className={css.facts}>
        <Figure
          name={t("opening")}
          value={register(bill.opening_kwh, locale)}
          note={dateTime(bill.from, timezone, locale)}
        />
        <Figure
          name={t("closing")}
          value={register(bill.closing_kwh, locale)}
          note={dateTime(bill.to, timezone, locale)}
        />
        <Figure name={t("used")} value={`${measure(bill.consumption_kwh, 3, "kWh", locale)}`} />
        {bill.invoice && <Figure name={t("invoice")} value={bill.invoice} />}
      </dl>
      {running && projection && (
        <p className={css.projection}>
          <Trans
            t={t}
            i18nKey="projection"
            values={{
              total: money(projection.total),
              use: measure(projection.consumption_kwh, 0, "kWh", locale),
              low: money(projection.low),
              high: money(projection.high),
            }}
            components={{ total: <strong className="num" /> }}
          />
        </p>
      )}
      {bill.estimated && (
        <Notice icon="alert" tone="warn" title={t("estimated")}>
          <ul className={css.reasons}>
            {explanations(bill, timezone, locale).map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </Notice>
      )}
      {bill.events.length > 0 && (
        <ul className={css.events} aria-label={t("events")}>
          {bill.events.map(({ at, kind, before_kwh, after_kwh }) => (
            <li key={`${at} ${kind}`}>
              {t("eventAt", {
                event: eventWords(kind),
                at: dateTime(at, timezone, locale),
                before: register(before_kwh, locale),
                after: register(after_kwh, locale),
              })}
            </li>
          ))}
        </ul>
      )}
      {bill.edits && bill.edits.length > 0 && (
        <ul className={css.events} aria-label={t("edits")}>
          {bill.edits.map((edit) => (
            <li key={edit.no}>
              {t("editAt", { edit: editWords(edit), at: dateTime(edit.at, timezone, locale) })}
              {edit.before_kwh !== null && t("editWas", { before: register(edit.before_kwh, locale) })}
              {edit.after_kwh !== null && t("editIs", { after: register(edit.after_kwh, locale) })}:{" "}
              {edit.reason}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
