import { useBill, useTariffs } from "../api/queries";
import { decimal, wattHours } from "../lib/decimal";
import { energy } from "../lib/format";
import { useNow, usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { partPrice, placeOf } from "../lib/slab";
import { tariffOf } from "../lib/tariff";
import { dateOf, monthOf } from "../lib/zone";
import { useText } from "../text/text";
import { Figure } from "./figure";
import css from "./now-panel.module.css";
import { useTodayUse } from "./today-use";

/** The bill of the month that runs, with the tariff that its last part is priced by. */
export function useRunningBill(id: string) {
  const { timezone } = usePlace();
  const month = monthOf(dateOf(useNow(60_000), timezone));
  const { data: bill, error, refetch } = useBill(id, month, true);
  const { tariffs } = useTariffs();
  return { month, bill, error, refetch, tariff: bill && tariffs ? tariffOf(bill, tariffs) : null };
}

export function NowToday({ id }: { id: string }) {
  const { t } = useText("now");
  const { locale } = usePlace();
  const { kwh, failed } = useTodayUse(id, true);
  const { bill, tariff } = useRunningBill(id);
  const cost =
    bill && tariff && kwh !== null
      ? formatMoney(decimal(partPrice(tariff, placeOf(bill, tariff), wattHours(kwh))), bill.currency, locale)
      : null;
  return (
    <section className={`panel ${css.card}`} aria-labelledby="today" data-testid="today">
      <h2 id="today">{t("today")}</h2>
      <dl className={css.two}>
        <Figure
          name={t("used")}
          value={kwh === null ? (failed ? t("notAvailable") : "—") : energy(kwh, locale)}
        />
        <Figure name={t("cost")} value={cost ?? "—"} />
      </dl>
      <p className={css.small}>{t("costNote")}</p>
    </section>
  );
}
