import { Skeleton } from "@mantine/core";
import { useBill, useTariffs } from "../api/queries";
import { type Comparison, compareBills, type Part } from "../lib/dearer";
import { signOf, size } from "../lib/decimal";
import { dayName, energy, measure, monthName } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import { tariffOf } from "../lib/tariff";
import { addMonths, type LocalMonth } from "../lib/zone";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { Failure } from "./notice";
import "../text/later";

/** Keys of words have no underscores: those are for plurals. */
const keys = {
  use: "use",
  rate: "rate",
  fixed: "fixed",
  demand: "demand",
  time_of_day: "timed",
  surcharge: "surcharge",
  minimum: "minimum",
  true_up: "correction",
  tax: "tax",
  rounding: "rounding",
} as const satisfies Record<Part["cause"], string>;

interface PartProps {
  part: Part;
  of: Comparison;
  money: (amount: string) => string;
}

/** One cause in words, with the figures that it comes from. */
function Cause({ part: { cause, amount }, of, money }: PartProps) {
  const { t } = useText("money");
  const { locale } = usePlace();
  const way = signOf(amount) > 0 ? "more" : "less";
  const kw = (value: number | null) => measure(value ?? undefined, 2, "kW", locale);
  const facts = {
    amount: money(size(amount)),
    before: energy(of.before.kwh, locale),
    after: energy(of.after.kwh, locale),
    beforeKw: kw(of.before.kw),
    afterKw: kw(of.after.kw),
    beforeDays: t("common:day", { count: of.before.days }),
    afterDays: t("common:day", { count: of.after.days }),
  };
  const days = cause === "fixed" && of.before.days !== of.after.days;
  return (
    <li>
      <strong className={css.change} data-way={way}>
        {way === "more" ? "+" : "−"}
        {facts.amount}
      </strong>{" "}
      {t(`cause.${keys[cause]}.${way}`, facts)} {days && t("cause.days", facts)}
    </li>
  );
}

/** Why a month costs more, or less, than the one before. */
export function BillChange({ id, month }: { id: string; month: LocalMonth }) {
  const { t } = useText("money");
  const { locale } = usePlace();
  const earlier = addMonths(month, -1);
  const after = useBill(id, month, false);
  const before = useBill(id, earlier, false);
  const { tariffs } = useTariffs();
  const error = after.error ?? before.error;
  const names = { month: monthName(month, locale), before: monthName(earlier, locale) };
  const title = t("change.title", names);
  const head = <h2 id="change">{title}</h2>;
  if (!after.data || !before.data || !tariffs)
    return (
      <section className={`panel ${css.panel}`} aria-labelledby="change">
        {head}
        {error ? (
          <Failure
            what={t("change.notLoaded")}
            error={error}
            onRetry={() => void Promise.all([after.refetch(), before.refetch()])}
          />
        ) : (
          <Skeleton height={120} radius={10} aria-label={t("change.loading")} />
        )}
      </section>
    );
  const money = (amount: string) => formatMoney(amount, after.data.currency, locale);
  const missing = [before.data, after.data].find(
    ({ registers, lines }) => registers.length === 0 || lines.length === 0,
  );
  if (missing)
    return (
      <section className={`panel ${css.panel}`} aria-labelledby="change">
        {head}
        <p className="soft">{t("change.nothing", { month: monthName(missing.month, locale) })}</p>
      </section>
    );
  const result = compareBills(before.data, after.data, tariffOf(before.data, tariffs));
  const sign = signOf(result.difference);
  const facts = {
    month: monthName(month, locale),
    total: money(result.after.total),
    before: money(result.before.total),
    difference: money(size(result.difference)),
  };
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="change" data-testid="change">
      <h2 id="change">{sign === 0 ? title : t(sign > 0 ? "change.titleMore" : "change.titleLess", names)}</h2>
      <p>{t(sign > 0 ? "change.more" : sign < 0 ? "change.less" : "change.same", facts)}</p>
      {result.parts.length > 0 && (
        <ul className={css.causes}>
          {result.parts.map((part) => (
            <Cause key={part.cause} part={part} of={result} money={money} />
          ))}
        </ul>
      )}
      {result.highest && (
        <p className={css.small}>
          {t("change.highest", {
            day: dayName(result.highest.date, locale),
            kwh: energy(result.highest.kwh, locale),
          })}
        </p>
      )}
    </section>
  );
}
