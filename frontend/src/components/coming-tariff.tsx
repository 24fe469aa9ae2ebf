import { Link } from "wouter";
import { useComing } from "../api/queries";
import { signOf, size } from "../lib/decimal";
import { longDate, monthName } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { Failure } from "./notice";
import "../text/later";

/** The tariff that is decided and not yet in force, and what the last month would have cost by it. */
export function ComingTariff({ id }: { id: string }) {
  const { t } = useText("money");
  const { locale } = usePlace();
  const { data, error, refetch } = useComing(id);
  if (error && !data)
    return <Failure what={t("coming.notLoaded")} error={error} onRetry={() => void refetch()} />;
  if (!data?.tariff) return null;
  const { tariff, month, currency, preview } = data;
  const money = (amount: string) => formatMoney(amount, currency, locale);
  const sign = preview ? signOf(preview.difference) : 0;
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="coming" data-testid="coming">
      <h2 id="coming">{t("coming.title")}</h2>
      <p>
        {t("coming.from", {
          date: longDate(tariff.from, locale),
          tariff: tariff.name,
          version: tariff.version,
        })}
      </p>
      <p>
        {preview
          ? t(sign > 0 ? "coming.more" : sign < 0 ? "coming.less" : "coming.same", {
              month: monthName(month, locale),
              total: money(preview.new_total),
              old: money(preview.old_total),
              difference: money(size(preview.difference)),
            })
          : t("coming.none")}
      </p>
      <Link href="/tariffs">{t("coming.terms")}</Link>
    </section>
  );
}
