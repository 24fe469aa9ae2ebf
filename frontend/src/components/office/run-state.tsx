import type { BillingRun } from "../../api/types";
import { dateTime, monthName } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney } from "../../lib/money";
import { useText } from "../../text/text";
import css from "./office.module.css";

function Fact({ name, value, note }: { name: string; value: string | number; note?: string | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {note && <small>{note}</small>}
      </dd>
    </div>
  );
}

/** How far a run is, and what came of it. */
export function RunState({ run }: { run: BillingRun }) {
  const { t } = useText("run");
  const { locale, timezone } = usePlace();
  const month = run.month ? monthName(run.month, locale) : "";
  const running = run.state === "running";
  const title = running
    ? t(run.dry_run ? "runningDry" : "running", { month })
    : t(run.dry_run ? "doneDry" : "done", { month });
  return (
    <>
      <h2 id="run" data-state={run.state}>
        {title}
      </h2>
      <div aria-live="polite">
        {running && (
          <>
            <progress className={css.progress} value={run.looked_at} max={run.accounts} aria-label={title} />
            <p className="soft">{t("progress", { done: run.looked_at, count: run.accounts })}</p>
          </>
        )}
        {run.state === "failed" && (
          <p className={css.error} role="alert">
            {t("stopped", { month, why: run.error ?? "" })}
          </p>
        )}
      </div>
      <dl className={css.facts} data-testid="run-facts">
        <Fact name={t(run.dry_run ? "wouldIssue" : "issued")} value={run.issued} />
        <Fact
          name={t("sum")}
          value={run.total === null ? "—" : formatMoney(run.total, run.currency, locale)}
        />
        <Fact name={t("estimated")} value={run.estimated} />
        <Fact name={t("already")} value={run.already} />
        <Fact
          name={t("skipped")}
          value={run.skipped}
          note={run.not_settled > 0 ? t("notSettled", { count: run.not_settled }) : undefined}
        />
        <Fact name={t("failed")} value={run.failed} />
      </dl>
      {run.began_at && (
        <p className="soft" style={{ marginTop: 12 }}>
          {t("began", { time: dateTime(run.began_at, timezone, locale) })}
        </p>
      )}
    </>
  );
}
