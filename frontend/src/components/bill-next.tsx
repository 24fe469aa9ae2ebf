import { Progress } from "@mantine/core";
import { decimal, wattHours } from "../lib/decimal";
import { energy, measure } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney, formatRate, trimDecimal } from "../lib/money";
import { placeOf, slabPlace, unitPrice } from "../lib/slab";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { useRunningBill } from "./now-today";
import "../text/later";

const kwhOf = (wh: bigint) => Number(wh) / 1000;

/** Where the month stands in the slabs, and what one kilowatt-hour more costs. */
export function BillNext({ id }: { id: string }) {
  const { t } = useText("money");
  const { locale } = usePlace();
  const { bill, tariff } = useRunningBill(id);
  if (!bill || !tariff || bill.registers.length === 0) return null;
  const place = placeOf(bill, tariff);
  const { index, rate, next } = slabPlace(tariff, place);
  const money = (amount: bigint) => formatMoney(decimal(amount), bill.currency, locale);
  const below = index === 0 ? 0n : wattHours(tariff.slabs[index - 1]?.up_to_kwh ?? 0);
  const share = next ? kwhOf(place.usedWh - below) / Math.max(0.001, kwhOf(next.boundWh - below)) : 1;
  const above = next && { ...place, usedWh: next.boundWh };
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="next" data-testid="next">
      <h2 id="next">{t("next.title")}</h2>
      <p className={css.big}>
        <strong className="num">{money(unitPrice(tariff, place))}</strong>{" "}
        <span className="soft">{t("next.unit")}</span>
      </p>
      <p className={css.small}>{t("next.rate", { rate: formatRate(rate, bill.currency, locale) })}</p>
      {next && above ? (
        <>
          <Progress value={Math.min(100, share * 100)} mt="sm" aria-label={t("next.progress")} />
          <p>
            {t("next.left", {
              left: energy(kwhOf(next.leftWh), locale),
              bound: measure(kwhOf(next.boundWh), 0, "kWh", locale),
              price: money(unitPrice(tariff, above)),
            })}
          </p>
          {next.jump !== 0n && <p className={css.small}>{t("next.jump", { amount: money(next.jump) })}</p>}
        </>
      ) : (
        <p className={css.small}>{t(tariff.slabs.length > 1 ? "next.last" : "next.only")}</p>
      )}
      {tariff.time_of_day && tariff.time_of_day.length > 0 && (
        <ul className={css.reasons}>
          {tariff.time_of_day.map(({ name, from, to, percent }) => (
            <li key={`${name} ${from}`}>
              {t("next.window", {
                name,
                from,
                to,
                percent: trimDecimal(percent),
                price: money(unitPrice(tariff, place, percent)),
              })}
            </li>
          ))}
        </ul>
      )}
      {bill.lines.some(({ kind }) => kind === "minimum") && <p className={css.small}>{t("next.minimum")}</p>}
    </section>
  );
}
