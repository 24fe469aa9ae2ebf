import { Button, SegmentedControl, Skeleton } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { resolveDispute } from "../../api/office";
import { useDisputes, useMoneyMoved } from "../../api/office-queries";
import type { Dispute } from "../../api/types";
import { dateOnly, monthName } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { Failure, Notice } from "../notice";
import { useAccountName } from "./names";
import css from "./office.module.css";
import { AskReason } from "./parts";

function Item({ dispute, onAnswer }: { dispute: Dispute; onAnswer: () => void }) {
  const { t } = useText("run");
  const { locale, timezone } = usePlace();
  const nameOf = useAccountName();
  const { invoice, device_id, account_id, month, opened_at, text, resolved } = dispute;
  return (
    <li className={css.item}>
      <div>
        <p>
          {device_id ? (
            <Link href={`/billing/invoices/${encodeURIComponent(device_id)}/${invoice}`}>{invoice}</Link>
          ) : (
            invoice
          )}
          , {monthName(month, locale)}, <Link href={`/accounts/${account_id}`}>{nameOf(account_id)}</Link>{" "}
          <span className="soft">{dateOnly(opened_at, timezone, locale)}</span>
        </p>
        <p style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{text}</p>
        {resolved && (
          <p className="soft">
            {t("resolved", { date: dateOnly(resolved.at, timezone, locale) })}: {resolved.text}
          </p>
        )}
      </div>
      {!resolved && (
        <Button size="compact-sm" onClick={onAnswer} aria-label={t("resolveOf", { number: invoice })}>
          {t("resolve")}
        </Button>
      )}
    </li>
  );
}

export function Disputes() {
  const { t } = useText("run");
  const moved = useMoneyMoved();
  const [open, setOpen] = useState<"1" | "0">("1");
  const [answering, setAnswering] = useState<Dispute | null>(null);
  const { rows, error, refetch } = useDisputes(open === "1" ? 1 : 0);
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="disputes">
      <div className={css.head}>
        <h2 id="disputes">{t("disputes")}</h2>
        <SegmentedControl
          aria-label={t("disputes")}
          value={open}
          data={[
            { value: "1", label: t("disputesOpen") },
            { value: "0", label: t("disputesAll") },
          ]}
          onChange={(value) => setOpen(value === "1" ? "1" : "0")}
        />
      </div>
      {error && !rows && <Failure what={t("disputesFailed")} error={error} onRetry={() => void refetch()} />}
      {!rows && !error && <Skeleton height={120} radius={10} aria-label={t("common:loading")} />}
      {rows?.length === 0 && (
        <Notice icon="empty" title={t("disputesNone")}>
          {t("disputesNoneHint")}
        </Notice>
      )}
      <ul className={css.rows} style={{ listStyle: "none", margin: 0, padding: 0 }}>
        {rows?.map((dispute) => (
          <Item key={dispute.no} dispute={dispute} onAnswer={() => setAnswering(dispute)} />
        ))}
      </ul>
      {answering && (
        <AskReason
          title={t("resolveTitle", { number: answering.invoice })}
          opened
          onClose={() => setAnswering(null)}
          label={t("resolveText")}
          hint={t("resolveHint")}
          action={t("resolveDo")}
          onConfirm={(text) => resolveDispute(answering.no, text)}
          onDone={moved}
        >
          <p style={{ whiteSpace: "pre-wrap" }}>{answering.text}</p>
        </AskReason>
      )}
    </section>
  );
}
