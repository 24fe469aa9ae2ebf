import { Link } from "wouter";
import { useEntries } from "../api/queries";
import { signOf, size } from "../lib/decimal";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { useText } from "../text/text";
import css from "./now-panel.module.css";
import { useRunningBill } from "./now-today";

/** What is to be paid, if anything: nothing is said of accounts without a bill. */
export function NowDue({ id }: { id: string }) {
  const { t } = useText("now");
  const { locale } = usePlace();
  const { bill } = useRunningBill(id);
  const { balance } = useEntries(bill?.account_id);
  if (!balance) return null;
  const owed = signOf(balance.amount);
  const amount = formatMoney(size(balance.amount), balance.currency, locale);
  return (
    <section className={`panel ${css.card}`} aria-labelledby="due">
      <h2 id="due">{t("due.title")}</h2>
      <p>
        {owed > 0 ? t("due.owed", { amount }) : owed < 0 ? t("due.credit", { amount }) : t("due.nothing")}
      </p>
      {owed > 0 && (
        <Link href={`/meters/${id}/bill#pay`} className={css.link}>
          {t("due.pay")}
        </Link>
      )}
    </section>
  );
}
