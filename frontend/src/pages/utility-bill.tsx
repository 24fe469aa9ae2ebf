import { Button, Skeleton } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { postUtilityBill, stepUtilityBill } from "../api/office";
import { useMoneyMoved, useUtilityBill } from "../api/office-queries";
import type { UtilityRecovery } from "../api/types";
import { Failure } from "../components/notice";
import css from "../components/office/office.module.css";
import { AskReason, Tag, Trouble } from "../components/office/parts";
import { Parts, SideBySide } from "../components/office/recovery";
import { daySpan } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import "../text/office";
import { useText } from "../text/text";

function Steps({ bill }: { bill: UtilityRecovery }) {
  const { t } = useText("utility");
  const moved = useMoneyMoved();
  const [step, setStep] = useState<"reverse" | "cancel" | null>(null);
  const post = useMutation({ mutationFn: () => postUtilityBill(bill.utility_id), onSuccess: moved });
  if (bill.status === "cancelled") return <p className="soft">{bill.cancel_reason}</p>;
  return (
    <div className={css.rows}>
      <Trouble what={t("postFailed")} error={post.error} />
      <p className="soft">{t("postHint")}</p>
      <div className={css.tools}>
        {bill.status === "open" ? (
          <>
            <Button loading={post.isPending} onClick={() => post.mutate()}>
              {t("post")}
            </Button>
            <Button variant="default" onClick={() => setStep("cancel")}>
              {t("cancel")}
            </Button>
          </>
        ) : (
          <Button variant="default" onClick={() => setStep("reverse")}>
            {t("reverse")}
          </Button>
        )}
      </div>
      <AskReason
        title={t(step === "cancel" ? "cancel" : "reverse")}
        opened={step !== null}
        onClose={() => setStep(null)}
        label={t("why")}
        {...(step === "cancel" && { hint: t("cancelHint") })}
        action={t("stepDo")}
        onConfirm={(reason) => stepUtilityBill(bill.utility_id, step ?? "reverse", reason)}
        onDone={moved}
      />
    </div>
  );
}

/** One supplier's bill and what of it comes back. */
export default function UtilityBillPage({ id }: { id: string }) {
  const { t } = useText("utility");
  const { locale } = usePlace();
  const { data: bill, error, refetch } = useUtilityBill(id);
  const title = bill ? `${bill.supplier} ${bill.number}` : t("title");
  useTitle(title);
  return (
    <>
      <div className={css.head}>
        <div>
          <p>
            <Link href="/utility">{t("all")}</Link>
          </p>
          <h1>{title}</h1>
          {bill && (
            <p className="soft">
              {daySpan(bill.from, bill.to, locale)} <Tag>{t(`status.${bill.status}`)}</Tag>
            </p>
          )}
        </div>
      </div>
      {error && !bill && <Failure what={t("billFailed")} error={error} onRetry={() => void refetch()} />}
      {!bill && !error && <Skeleton height={420} radius={14} aria-label={t("common:loading")} />}
      {bill && (
        <div className={css.column}>
          <section className={`panel ${css.panel}`} aria-labelledby="side">
            <h2 id="side">{t("sideBySide")}</h2>
            <SideBySide bill={bill} />
          </section>
          <section className={`panel ${css.panel}`} aria-labelledby="parts">
            <h2 id="parts">{t("accounts")}</h2>
            <Parts bill={bill} />
            <div style={{ marginTop: 14 }}>
              <Steps bill={bill} />
            </div>
          </section>
        </div>
      )}
    </>
  );
}
