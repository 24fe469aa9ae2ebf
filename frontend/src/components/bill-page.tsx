import { Skeleton } from "@mantine/core";
import { useEffect } from "react";
import { useSearchParams } from "wouter";
import { useBill } from "../api/queries";
import { useNow, usePlace } from "../lib/hooks";
import { addMonths, dateOf, isMonth, type LocalMonth, monthOf } from "../lib/zone";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { BillChange } from "./bill-change";
import { BillFacts } from "./bill-facts";
import { BillNext } from "./bill-next";
import { BillTable } from "./bill-table";
import { ComingTariff } from "./coming-tariff";
import { InvoiceList } from "./invoice-list";
import { MonthPicker } from "./month-picker";
import { Failure, Notice } from "./notice";
import { PayPanel } from "./pay-panel";
import "../text/later";

function BillOf({ id, month, running }: { id: string; month: LocalMonth; running: boolean }) {
  const { t } = useText("money");
  const { data: bill, error, refetch } = useBill(id, month, running);
  if (bill)
    return (
      <>
        {error && <Failure what={t("notFresh")} error={error} onRetry={() => void refetch()} />}
        {bill.registers.length === 0 && (
          <Notice icon="empty" title={t("nothingMeasured.title")}>
            {t(running ? "nothingMeasured.running" : "nothingMeasured.past")}
          </Notice>
        )}
        <BillTable id={id} bill={bill} running={running} />
        <BillFacts bill={bill} running={running} />
      </>
    );
  if (error) return <Failure what={t("noBill")} error={error} onRetry={() => void refetch()} />;
  return <Skeleton height={360} radius={10} aria-label={t("loadingBill")} />;
}

/** A part of the page that the address names is scrolled to once it is there. */
function useAnchor(): void {
  useEffect(() => {
    const name = window.location.hash.slice(1);
    if (name) document.getElementById(name)?.scrollIntoView();
  }, []);
}

export default function BillPage({ id }: { id: string }) {
  const { t } = useText("money");
  const { timezone } = usePlace();
  const [params, setParams] = useSearchParams();
  const current = monthOf(dateOf(useNow(60_000), timezone));
  const asked = params.get("month");
  const month = isMonth(asked) && asked <= current ? asked : current;
  const running = month === current;
  useAnchor();
  const choose = (next: LocalMonth) =>
    setParams(
      (before) => {
        before.set("month", next);
        return before;
      },
      { replace: true },
    );
  return (
    <div className={css.columns}>
      <div className={css.column}>
        <section
          className={`panel ${css.panel}`}
          aria-labelledby="bill"
          data-testid="bill"
          data-month={month}
        >
          <div className={css.head}>
            <h2 id="bill">{t("bill")}</h2>
            <MonthPicker month={month} current={current} onChange={choose} />
          </div>
          <BillOf id={id} month={month} running={running} />
        </section>
        <BillChange id={id} month={running ? addMonths(month, -1) : month} />
      </div>
      <div className={css.column}>
        {running && <BillNext id={id} />}
        <ComingTariff id={id} />
        <PayPanel id={id} month={month} running={running} />
        <InvoiceList id={id} month={month} onChoose={choose} />
      </div>
    </div>
  );
}
