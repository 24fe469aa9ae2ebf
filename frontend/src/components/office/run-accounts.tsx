import { Skeleton } from "@mantine/core";
import { Link } from "wouter";
import { useRunAccounts } from "../../api/office-queries";
import type { BillingRun, BillingRunAccount } from "../../api/types";
import { measure } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney } from "../../lib/money";
import { codeWords, useText } from "../../text/text";
import { MoreRows, useRows } from "./more-rows";
import { useAccountName } from "./names";
import css from "./office.module.css";
import { TableRegion, Tag, Trouble } from "./parts";

/** Why somebody should look, in words. */
function Why({ account }: { account: BillingRunAccount }) {
  const { outcome, reason, text, look } = account;
  const skipped = reason && (codeWords("run", "reason", reason) ?? text);
  return (
    <>
      {outcome !== "issued" && (
        <Tag tone={outcome === "failed" ? "bad" : "warn"}>
          {codeWords("run", "outcome", outcome) ?? outcome}
        </Tag>
      )}
      {look.map((flag) => (
        <Tag key={flag} tone="warn">
          {codeWords("run", "flag", flag) ?? flag}
        </Tag>
      ))}
      {(skipped || (outcome === "failed" && text)) && <small>{skipped || text}</small>}
    </>
  );
}

function Row({ account, run }: { account: BillingRunAccount; run: BillingRun }) {
  const { t } = useText("run");
  const { locale, currency } = usePlace();
  const nameOf = useAccountName();
  const { account_id, device_id, number, total, use_kwh, usual_kwh } = account;
  const name = nameOf(account_id);
  const bill =
    device_id &&
    (number
      ? `/billing/invoices/${encodeURIComponent(device_id)}/${number}`
      : `/meters/${encodeURIComponent(device_id)}?month=${run.month}`);
  return (
    <tr>
      <th scope="row">
        <Link href={`/accounts/${account_id}`}>{name}</Link>
        <small>{device_id}</small>
      </th>
      <td>
        <Why account={account} />
      </td>
      <td className={css.num}>
        {use_kwh === null ? "—" : measure(use_kwh, 1, "kWh", locale)}
        {usual_kwh !== null && <small>{t("usual", { use: measure(usual_kwh, 1, "kWh", locale) })}</small>}
      </td>
      <td className={css.num}>{total === null ? "—" : formatMoney(total, currency, locale)}</td>
      <td className={css.act}>
        {bill && (
          <Link href={bill} aria-label={t("billOf", { account: name })}>
            {number ?? t("bill")}
          </Link>
        )}
      </td>
    </tr>
  );
}

/** One part of a run: those to look at first, or the rest. */
export function RunAccounts({ run, look, label }: { run: BillingRun; look: 0 | 1; label: string }) {
  const { t } = useText("run");
  const result = useRunAccounts(look, `${run.began_at}`, run.state !== "running");
  const { rows, error } = result;
  const { shown, more } = useRows(rows ?? [], `${run.began_at}`, result);
  if (error && !rows) return <Trouble what={t("runFailed")} error={error} />;
  if (!rows) return <Skeleton height={160} radius={10} aria-label={t("common:loading")} />;
  if (rows.length === 0) return <p className="soft">{t("lookNone")}</p>;
  return (
    <>
      <TableRegion label={label}>
        <thead>
          <tr>
            <th scope="col">{t("account")}</th>
            <th scope="col">{t("why")}</th>
            <th scope="col" className={css.num}>
              {t("use")}
            </th>
            <th scope="col" className={css.num}>
              {t("total")}
            </th>
            <th scope="col" className={css.act}>
              {t("bill")}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((account) => (
            <Row key={account.account_id} account={account} run={run} />
          ))}
        </tbody>
      </TableRegion>
      <MoreRows {...more} />
    </>
  );
}
