import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { beginBillingRun } from "../api/office";
import { useBillingRun, useMoneyMoved } from "../api/office-queries";
import { Failure, Notice } from "../components/notice";
import { MonthSelect, useBilledMonth } from "../components/office/month-select";
import css from "../components/office/office.module.css";
import { Trouble } from "../components/office/parts";
import { RunAccounts } from "../components/office/run-accounts";
import { RunState } from "../components/office/run-state";
import { BillingTabs } from "../components/office/tabs";
import { monthName } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import "../text/office";
import { useText } from "../text/text";

/** A month is looked at first, and then issued: what asks for a second look stands in front. */
export default function BillingPage() {
  const { t } = useText("run");
  const { locale } = usePlace();
  useTitle(t("title"));
  const client = useQueryClient();
  const moved = useMoneyMoved();
  const [month, choose, last] = useBilledMonth();
  const [rest, setRest] = useState(false);
  const { data: run, error, refetch } = useBillingRun();
  const begin = useMutation({
    mutationFn: (dry_run: boolean) => beginBillingRun({ month, dry_run }),
    onSuccess: (begun) => {
      setRest(false);
      client.setQueryData(["run"], begun);
      void refetch();
    },
  });
  const running = run?.state === "running";
  const was = useRef(running);
  useEffect(() => {
    // Invoices, balances and exceptions are others once a run is over.
    if (was.current && !running) moved();
    was.current = running;
  });
  const looked = run?.month === month && run.dry_run && run.state === "done";
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("runMotto")}</p>
        </div>
      </div>
      <BillingTabs />
      <div className={css.column}>
        <section className={`panel ${css.panel}`} aria-label={t("run")}>
          <div className={css.rows}>
            <div className={css.tools}>
              <MonthSelect month={month} last={last} onChange={choose} />
              <Button
                variant={looked ? "default" : "filled"}
                disabled={running}
                loading={begin.isPending && begin.variables}
                onClick={() => begin.mutate(true)}
              >
                {t("dry")}
              </Button>
              <Button
                variant={looked ? "filled" : "default"}
                disabled={running || !looked}
                loading={begin.isPending && !begin.variables}
                onClick={() => begin.mutate(false)}
              >
                {t("issue", { month: monthName(month, locale) })}
              </Button>
            </div>
            <p className="soft">{t("issueHint")}</p>
            <Trouble what={t("beginFailed")} error={begin.error} />
          </div>
        </section>
        {error && !run && <Failure what={t("runFailed")} error={error} onRetry={() => void refetch()} />}
        {!run && !error && <Skeleton height={200} radius={14} aria-label={t("common:loading")} />}
        {run?.state === "none" && (
          <Notice icon="empty" title={t("never")}>
            {t("neverHint")}
          </Notice>
        )}
        {run && run.state !== "none" && (
          <section className={`panel ${css.panel}`} aria-labelledby="run">
            <RunState run={run} />
          </section>
        )}
        {run && run.state !== "none" && run.state !== "running" && (
          <>
            <section className={`panel ${css.panel}`} aria-labelledby="look" data-testid="look">
              <h2 id="look">{t("look")}</h2>
              <p className="soft">{t("lookHint")}</p>
              <RunAccounts run={run} look={1} label={t("look")} />
            </section>
            <section className={`panel ${css.panel}`} aria-labelledby="rest">
              <h2 id="rest">{t("rest")}</h2>
              {rest ? (
                <RunAccounts run={run} look={0} label={t("rest")} />
              ) : (
                <Button variant="default" onClick={() => setRest(true)}>
                  {t("restShow")}
                </Button>
              )}
            </section>
          </>
        )}
      </div>
    </>
  );
}
