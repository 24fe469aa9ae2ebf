import { Button, NativeSelect, SegmentedControl, Skeleton } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { type Decision, decideException } from "../../api/office";
import { useExceptions, useMoneyMoved } from "../../api/office-queries";
import type { BillException } from "../../api/types";
import { dateOnly, monthName } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney } from "../../lib/money";
import { codeWords, useText } from "../../text/text";
import { Failure, Notice } from "../notice";
import { useAccountName } from "./names";
import css from "./office.module.css";
import { AskReason, TableRegion, Tag } from "./parts";

const ACTIONS: readonly Decision[] = ["true_up", "reissue", "dismiss"];

function Decide({ exception, onClose }: { exception: BillException; onClose: () => void }) {
  const { t } = useText("run");
  const { locale } = usePlace();
  const moved = useMoneyMoved();
  const [action, setAction] = useState<Decision>("true_up");
  const { no, difference, currency } = exception;
  return (
    <AskReason
      title={t("decideTitle", { no, difference: formatMoney(difference, currency, locale) })}
      opened
      onClose={onClose}
      label={t("decideReason")}
      action={t("decideDo")}
      onConfirm={(reason) => decideException(no, action, reason)}
      onDone={moved}
    >
      <NativeSelect
        label={t("decideWhat")}
        value={action}
        data={ACTIONS.map((value) => ({ value, label: t(`action.${value}`) }))}
        onChange={({ currentTarget: { value } }) => setAction(value as Decision)}
      />
    </AskReason>
  );
}

function Row({ exception, onDecide }: { exception: BillException; onDecide: () => void }) {
  const { t } = useText("run");
  const { locale, timezone } = usePlace();
  const nameOf = useAccountName();
  const { no, state, cause, account_id, device_id, invoice, month, currency } = exception;
  const money = (amount: string) => formatMoney(amount, currency, locale);
  return (
    <tr>
      <th scope="row">
        {device_id ? (
          <Link href={`/billing/invoices/${encodeURIComponent(device_id)}/${invoice}`}>{invoice}</Link>
        ) : (
          invoice
        )}
        <small>{monthName(month, locale)}</small>
      </th>
      <td>
        <Link href={`/accounts/${account_id}`}>{nameOf(account_id)}</Link>
      </td>
      <td>
        {codeWords("run", "cause", cause) ?? cause}
        <small>{dateOnly(exception.found_at, timezone, locale)}</small>
      </td>
      <td className={css.num}>{money(exception.old_total)}</td>
      <td className={css.num}>{money(exception.new_total)}</td>
      <td className={css.num}>{money(exception.difference)}</td>
      <td className={css.act}>
        {state === "open" ? (
          <Button size="compact-sm" onClick={onDecide} aria-label={t("decideOf", { no })}>
            {t("decide")}
          </Button>
        ) : (
          <>
            <Tag>{codeWords("run", "exceptionState", state) ?? state}</Tag>
            {exception.decided && <small>{exception.decided.reason}</small>}
          </>
        )}
      </td>
    </tr>
  );
}

/** What issued months would be now, and what is done about it. */
export function Exceptions() {
  const { t } = useText("run");
  const [state, setState] = useState("open");
  const [deciding, setDeciding] = useState<BillException | null>(null);
  const { rows, error, refetch } = useExceptions(state === "open" ? state : undefined);
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="exceptions">
      <div className={css.head}>
        <h2 id="exceptions">{t("exceptions")}</h2>
        <SegmentedControl
          aria-label={t("exceptions")}
          value={state}
          data={[
            { value: "open", label: t("exceptionsOpen") },
            { value: "all", label: t("exceptionsAll") },
          ]}
          onChange={setState}
        />
      </div>
      <p className="soft">{t("exceptionsHint")}</p>
      {error && !rows && (
        <Failure what={t("exceptionsFailed")} error={error} onRetry={() => void refetch()} />
      )}
      {!rows && !error && <Skeleton height={120} radius={10} aria-label={t("common:loading")} />}
      {rows?.length === 0 && (
        <Notice icon="empty" title={t("exceptionsNone")}>
          {t("exceptionsNoneHint")}
        </Notice>
      )}
      {rows && rows.length > 0 && (
        <TableRegion label={t("exceptions")}>
          <thead>
            <tr>
              <th scope="col">{t("number")}</th>
              <th scope="col">{t("account")}</th>
              <th scope="col">{t("why")}</th>
              <th scope="col" className={css.num}>
                {t("was")}
              </th>
              <th scope="col" className={css.num}>
                {t("wouldBe")}
              </th>
              <th scope="col" className={css.num}>
                ±
              </th>
              <th scope="col" className={css.act}>
                {t("decide")}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((exception) => (
              <Row key={exception.no} exception={exception} onDecide={() => setDeciding(exception)} />
            ))}
          </tbody>
        </TableRegion>
      )}
      {deciding && <Decide exception={deciding} onClose={() => setDeciding(null)} />}
    </section>
  );
}
