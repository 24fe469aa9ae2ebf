import { Skeleton } from "@mantine/core";
import { Link } from "wouter";
import { energy, monthName } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { useText } from "../text/text";
import { Figure } from "./figure";
import { Failure } from "./notice";
import css from "./now-panel.module.css";
import { useRunningBill } from "./now-today";

export function NowMonth({ id }: { id: string }) {
  const { t } = useText("now");
  const { locale } = usePlace();
  const { month, bill, error, refetch } = useRunningBill(id);
  const money = (amount: string) => formatMoney(amount, bill?.currency ?? "", locale);
  return (
    <section className={`panel ${css.card}`} aria-labelledby="month" data-testid="month">
      <h2 id="month">{monthName(month, locale)}</h2>
      {!bill && !error && <Skeleton height={88} radius={10} aria-label={t("loadingMonth")} />}
      {!bill && error && <Failure what={t("noBill")} error={error} onRetry={() => void refetch()} />}
      {bill?.registers.length === 0 && <p className="soft">{t("nothingYet")}</p>}
      {bill && bill.registers.length > 0 && (
        <>
          <dl className={css.two}>
            <Figure name={t("soFar")} value={money(bill.total)} note={energy(bill.consumption_kwh, locale)} />
            {bill.projection && (
              <Figure
                name={t("projected")}
                value={money(bill.projection.total)}
                note={t("range", { low: money(bill.projection.low), high: money(bill.projection.high) })}
              />
            )}
          </dl>
          <Link href={`/meters/${id}/bill`} className={css.link}>
            {t("toBill")}
          </Link>
        </>
      )}
    </section>
  );
}
