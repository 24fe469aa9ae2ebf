import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import { reverseEntry } from "../../api/office";
import { useEntries, useMoneyMoved } from "../../api/office-queries";
import type { Entry } from "../../api/types";
import { dateOnly } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney } from "../../lib/money";
import { codeWords, useText } from "../../text/text";
import { Failure } from "../notice";
import css from "./office.module.css";
import { AskReason, TableRegion } from "./parts";

/** What the API takes back by an opposite entry; invoices have credit notes for that. */
const REVERSIBLE = ["payment", "fee", "opening"];

function What({ entry }: { entry: Entry }) {
  const { t } = useText("ledger");
  const { kind, invoice, method, reference, note, reverses, reversed_by } = entry;
  const parts = [
    invoice,
    method && (codeWords("ledger", "method", method) ?? method),
    reference,
    reverses !== null && t("reverses", { no: reverses }),
    reversed_by !== null && t("reversed", { no: reversed_by }),
    note,
  ].filter(Boolean);
  return (
    <>
      {codeWords("ledger", "kind", kind) ?? kind}
      <small>{parts.join(" · ")}</small>
    </>
  );
}

/** An account's own ledger, newest first, with the balance after each. */
export function Entries({ account }: { account: string }) {
  const { t } = useText("ledger");
  const { locale, currency, timezone } = usePlace();
  const moved = useMoneyMoved();
  const { rows, error, refetch } = useEntries(account);
  const [taking, setTaking] = useState<number | null>(null);
  const money = (amount: string) => formatMoney(amount, currency, locale);
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="entries">
      <h2 id="entries">{t("entries")}</h2>
      {error && !rows && <Failure what={t("entriesFailed")} error={error} onRetry={() => void refetch()} />}
      {!rows && !error && <Skeleton height={160} radius={10} aria-label={t("common:loading")} />}
      {rows?.length === 0 && <p className="soft">{t("entriesNone")}</p>}
      {rows && rows.length > 0 && (
        <TableRegion label={t("entries")}>
          <thead>
            <tr>
              <th scope="col">{t("when")}</th>
              <th scope="col">{t("what")}</th>
              <th scope="col" className={css.num}>
                {t("amount")}
              </th>
              <th scope="col" className={css.num}>
                {t("after")}
              </th>
              <th scope="col" className={css.act}>
                {t("takeBack")}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.toReversed().map((entry) => (
              <tr key={entry.no}>
                <td>
                  {dateOnly(entry.at, timezone, locale)}
                  <small>{entry.no}</small>
                </td>
                <td>
                  <What entry={entry} />
                </td>
                <td className={css.num}>{money(entry.amount)}</td>
                <td className={css.num}>{money(entry.balance)}</td>
                <td className={css.act}>
                  {REVERSIBLE.includes(entry.kind) && entry.reversed_by === null && (
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={t("takeBackOf", { no: entry.no })}
                      onClick={() => setTaking(entry.no)}
                    >
                      {t("takeBack")}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </TableRegion>
      )}
      <AskReason
        title={t("takeBackOf", { no: taking ?? 0 })}
        opened={taking !== null}
        onClose={() => setTaking(null)}
        label={t("takeBackReason")}
        hint={t("takeBackHint")}
        action={t("takeBackDo")}
        onConfirm={(reason) => reverseEntry(account, taking ?? 0, reason)}
        onDone={moved}
      />
    </section>
  );
}
