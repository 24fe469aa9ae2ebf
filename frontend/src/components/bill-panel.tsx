import { Skeleton } from "@mantine/core";
import { useSearchParams } from "wouter";
import { useBill } from "../api/queries";
import { useNow, usePlace } from "../lib/hooks";
import { dateOf, isMonth, type LocalMonth, monthOf } from "../lib/zone";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { BillFacts } from "./bill-facts";
import { BillTable } from "./bill-table";
import { InvoiceList } from "./invoice-list";
import { MonthPicker } from "./month-picker";
import { Failure } from "./notice";

function BillOf({ id, month, running }: { id: string; month: LocalMonth; running: boolean }) {
  const { t } = useText("bill");
  const { data: bill, error, refetch } = useBill(id, month, running);
  if (bill)
    return (
      <>
        <BillTable bill={bill} running={running} />
        <BillFacts bill={bill} running={running} />
      </>
    );
  if (error) return <Failure what={t("none")} error={error} onRetry={() => void refetch()} />;
  return <Skeleton height={360} radius={10} aria-label={t("loading")} />;
}

export function BillPanel({ id }: { id: string }) {
  const { t } = useText("bill");
  const { timezone } = usePlace();
  const [params, setParams] = useSearchParams();
  const current = monthOf(dateOf(useNow(60_000), timezone));
  const asked = params.get("month");
  const month = isMonth(asked) && asked <= current ? asked : current;
  const choose = (next: LocalMonth) =>
    setParams(
      (before) => {
        before.set("month", next);
        return before;
      },
      { replace: true },
    );
  return (
    <div className={css.column}>
      <section className={`panel ${css.panel}`} aria-labelledby="bill" data-testid="bill" data-month={month}>
        <div className={css.head}>
          <h2 id="bill">{t("title")}</h2>
          <MonthPicker month={month} current={current} onChange={choose} />
        </div>
        <BillOf id={id} month={month} running={month === current} />
      </section>
      <InvoiceList id={id} month={month} onChoose={choose} />
    </div>
  );
}
