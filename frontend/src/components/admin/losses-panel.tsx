import { NativeSelect, Skeleton } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { useLosses } from "../../api/admin-queries";
import type { Losses } from "../../api/admin-types";
import { dateTime, energy, monthName } from "../../lib/format";
import { useNow, usePlace } from "../../lib/hooks";
import { formatMoney, formatRate } from "../../lib/money";
import { addMonths, dateOf, monthOf } from "../../lib/zone";
import { useText } from "../../text/text";
import { Figure } from "../figure";
import { Failure } from "../notice";
import css from "./losses-panel.module.css";
import "../../text/manage";

const OFFERED = 13;

/** What comes in at the main meters against the sum of all others. */
export function LossesPanel() {
  const { t } = useText("fleet");
  const { timezone, locale } = usePlace();
  const current = monthOf(dateOf(useNow(60_000), timezone));
  const [chosen, setChosen] = useState<string | null>(null);
  const month = chosen ?? current;
  const { data, error, refetch } = useLosses(month);
  const months = Array.from({ length: OFFERED }, (_, i) => addMonths(current, -i));
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="losses-title">
      <div className={css.head}>
        <h2 id="losses-title">{t("site")}</h2>
        <NativeSelect
          size="xs"
          aria-label={t("month")}
          value={month}
          data={months.map((value) => ({ value, label: monthName(value, locale) }))}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
      </div>
      {error && !data && <Failure what={t("lossesFailed")} error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={64} radius={10} aria-label={t("common:loading")} />}
      {data && <Balance losses={data} />}
    </section>
  );
}

function Balance({ losses }: { losses: Losses }) {
  const { t } = useText("fleet");
  const { locale, timezone } = usePlace();
  const { main, parts, loss, currency, to } = losses;
  const unsure = t("estimated", { count: parts.estimated });
  const share = main && loss && main.kwh > 0 ? loss.kwh / main.kwh : null;
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  return (
    <>
      <dl className={css.figures}>
        {main && (
          <Figure
            name={t("main", { count: main.meters.length })}
            value={energy(main.kwh, locale)}
            note={main.estimated ? t("mainEstimated") : undefined}
          />
        )}
        <Figure
          name={t("parts", { count: parts.meters })}
          value={energy(parts.kwh, locale)}
          note={parts.estimated > 0 ? unsure : undefined}
        />
        {loss && (
          <Figure
            name={t(loss.kwh < 0 ? "surplus" : "loss")}
            value={energy(loss.kwh, locale)}
            note={share === null ? undefined : t("share", { percent: percent.format(share) })}
          />
        )}
        {loss?.amount && (
          <Figure
            name={t("lossMoney")}
            value={formatMoney(loss.amount, currency, locale)}
            note={
              loss.rate_per_kwh
                ? t(loss.rate_from === "setting" ? "rateSet" : "rateBill", {
                    rate: formatRate(loss.rate_per_kwh, currency, locale),
                  })
                : undefined
            }
          />
        )}
      </dl>
      <p className="soft">
        {main === null
          ? t("noMain")
          : loss?.amount
            ? t("until", { at: dateTime(to, timezone, locale) })
            : t("noRate")}{" "}
        {(main === null || !loss?.amount) && <Link href="/settings">{t("toSettings")}</Link>}
        {loss && loss.kwh < 0 && ` ${t("surplusHint")}`}
      </p>
    </>
  );
}
