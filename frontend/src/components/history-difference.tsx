import { useBill } from "../api/queries";
import type { Bill } from "../api/types";
import type { Difference } from "../lib/compare";
import { signOf, size, subtract } from "../lib/decimal";
import { energy, percent } from "../lib/format";
import { useNow, usePlace } from "../lib/hooks";
import { rangeName } from "../lib/labels";
import { formatMoney } from "../lib/money";
import type { Range } from "../lib/range";
import { dateOf, monthOf } from "../lib/zone";
import { useText } from "../text/text";
import css from "./history-panel.module.css";
import "../text/later";

interface HistoryDifferenceProps {
  id: string;
  range: Range;
  before: Range;
  difference: Difference;
  /** All of the range is in sight, so that its bill belongs beside it. */
  whole: boolean;
}

const finalOf = (bill: Bill) => bill.projection?.total ?? bill.total;

/** The bills of two months side by side: only a month has one. */
function MoneyDifference({ id, range, before }: Pick<HistoryDifferenceProps, "id" | "range" | "before">) {
  const { t } = useText("charts");
  const { locale, timezone } = usePlace();
  const month = monthOf(range.first);
  const running = month === monthOf(dateOf(useNow(60_000), timezone));
  const { data: bill } = useBill(id, month, running);
  const { data: earlier } = useBill(id, monthOf(before.first), false);
  if (!bill || !earlier) return null;
  const money = (amount: string) => formatMoney(amount, bill.currency, locale);
  const difference = subtract(finalOf(bill), earlier.total);
  const way = signOf(difference) > 0 ? "more" : signOf(difference) < 0 ? "less" : "same";
  return (
    <p data-testid="money-difference">
      {t(`money.${way}`, {
        total: money(finalOf(bill)),
        before: money(earlier.total),
        difference: money(size(difference)),
      })}{" "}
      {bill.projection && t("money.projected")}
    </p>
  );
}

/** In a sentence: how much more or less than in the period before. */
export function HistoryDifference({ id, range, before, difference, whole }: HistoryDifferenceProps) {
  const { t } = useText("charts");
  const { locale } = usePlace();
  const { kwh, before: earlier, percent: share } = difference;
  const by = kwh - earlier;
  const way = Math.abs(by) < 0.005 ? "same" : by > 0 ? "more" : "less";
  return (
    <div className={css.difference}>
      <p data-testid="energy-difference">
        {t(earlier === 0 ? "kwh.nothing" : `kwh.${way}`, {
          used: energy(kwh, locale),
          before: energy(earlier, locale),
          period: rangeName(before, locale),
          difference: energy(Math.abs(by), locale),
        })}
        {share !== null && way !== "same" && ` (${percent(share, locale)})`}
      </p>
      {range.view === "month" && whole && <MoneyDifference id={id} range={range} before={before} />}
    </div>
  );
}
