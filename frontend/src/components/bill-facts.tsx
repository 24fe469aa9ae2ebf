import type { Bill } from "../api/types";
import { editWords, eventWords, explanations } from "../lib/bill-words";
import { dateTime, measure, register } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import css from "./bill.module.css";
import { Figure } from "./figure";
import { Notice } from "./notice";

/** What the bill stands on: registers, events, edited readings, estimates. */
export function BillFacts({ bill, running }: { bill: Bill; running: boolean }) {
  const { locale, timezone } = usePlace();
  const money = (amount: string) => formatMoney(amount, bill.currency, locale);
  const { projection } = bill;
  return (
    <>
      <dl className={css.facts}>
        <Figure
          name="Opening register"
          value={register(bill.opening_kwh, locale)}
          note={dateTime(bill.from, timezone, locale)}
        />
        <Figure
          name="Closing register"
          value={register(bill.closing_kwh, locale)}
          note={dateTime(bill.to, timezone, locale)}
        />
        <Figure name="Used" value={`${measure(bill.consumption_kwh, 3, "kWh", locale)}`} />
        {bill.invoice && <Figure name="Invoice" value={bill.invoice} />}
      </dl>
      {running && projection && (
        <p className={css.projection}>
          By the end of the month about <strong className="num">{money(projection.total)}</strong> for{" "}
          {measure(projection.consumption_kwh, 0, "kWh", locale)}, likely between {money(projection.low)} and{" "}
          {money(projection.high)}.
        </p>
      )}
      {bill.estimated && (
        <Notice icon="alert" tone="warn" title="This bill is estimated">
          <ul className={css.reasons}>
            {explanations(bill).map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </Notice>
      )}
      {bill.events.length > 0 && (
        <ul className={css.events} aria-label="Events of the register">
          {bill.events.map(({ at, kind, before_kwh, after_kwh }) => (
            <li key={`${at} ${kind}`}>
              {eventWords(kind)} on {dateTime(at, timezone, locale)}: from {register(before_kwh, locale)} to{" "}
              {register(after_kwh, locale)}
            </li>
          ))}
        </ul>
      )}
      {bill.edits && bill.edits.length > 0 && (
        <ul className={css.events} aria-label="Edited readings">
          {bill.edits.map((edit) => (
            <li key={edit.no}>
              {editWords(edit)} for {dateTime(edit.at, timezone, locale)}
              {edit.before_kwh !== null && <>, was {register(edit.before_kwh, locale)}</>}
              {edit.after_kwh !== null && <>, is {register(edit.after_kwh, locale)}</>}: {edit.reason}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
