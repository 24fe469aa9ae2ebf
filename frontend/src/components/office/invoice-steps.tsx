import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { creditInvoice, disputeInvoice, getBillOf, issueMonth } from "../../api/office";
import { useMoneyMoved } from "../../api/office-queries";
import type { InvoiceDetail } from "../../api/types";
import { monthName } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney, minorDigits, scaled, unscaled } from "../../lib/money";
import { useText } from "../../text/text";
import css from "./office.module.css";
import { AskReason, Trouble } from "./parts";

interface StepsProps {
  device: string;
  invoice: InvoiceDetail;
}

type Step = "credit" | "reissue" | "dispute";

/** What a month would be if it were issued again, against what was issued. */
function Now({ device, invoice }: StepsProps) {
  const { t } = useText("run");
  const { locale } = usePlace();
  const { month, account_id, total, currency } = invoice;
  const { data: bill, error } = useQuery({
    queryKey: ["bill", device, month, account_id],
    queryFn: ({ signal }) => getBillOf(device, month, account_id, signal),
  });
  if (error) return <Trouble error={error} />;
  if (!bill) return null;
  const digits = minorDigits(currency);
  const difference = (scaled(bill.total, digits) ?? 0n) - (scaled(total, digits) ?? 0n);
  const money = (amount: string) => formatMoney(amount, currency, locale);
  return (
    <p data-testid="now">
      <strong>{t("now")}:</strong>{" "}
      {difference === 0n
        ? t("nowSame")
        : t("nowDiffers", { total: money(bill.total), difference: money(unscaled(difference, digits)) })}
    </p>
  );
}

/** Taking an invoice back, issuing its month again, disputing it: each with its reason. */
export function InvoiceSteps({ device, invoice }: StepsProps) {
  const { t } = useText("run");
  const { locale } = usePlace();
  const [, navigate] = useLocation();
  const moved = useMoneyMoved();
  const [step, setStep] = useState<Step | null>(null);
  const { number, month, account_id, status, kind } = invoice;
  const close = () => setStep(null);
  const show = (made: InvoiceDetail) => {
    moved();
    navigate(`/billing/invoices/${encodeURIComponent(device)}/${made.number}`);
  };
  const valid = kind === "invoice" && status !== "cancelled";
  return (
    <div className={css.rows}>
      {valid && <Now device={device} invoice={invoice} />}
      <div className={css.tools}>
        {valid ? (
          <>
            <Button variant="default" onClick={() => setStep("credit")}>
              {t("takeBack")}
            </Button>
            <Button variant="default" onClick={() => setStep("dispute")}>
              {t("dispute")}
            </Button>
          </>
        ) : (
          <Button onClick={() => setStep("reissue")}>{t("reissue")}</Button>
        )}
      </div>
      <AskReason
        title={t("takeBackTitle", { number })}
        opened={step === "credit"}
        onClose={close}
        label={t("takeBackReason")}
        hint={t("takeBackReasonHint")}
        action={t("takeBackDo")}
        onConfirm={async (reason) => show(await creditInvoice(device, number, reason))}
      >
        <p>{t("takeBackHint")}</p>
      </AskReason>
      <AskReason
        title={t("reissueTitle", { month: monthName(month, locale) })}
        opened={step === "reissue"}
        onClose={close}
        label={t("takeBackReason")}
        action={t("reissueDo")}
        onConfirm={async (reason) => show(await issueMonth(device, { month, account: account_id, reason }))}
      >
        <p>{t("reissueHint")}</p>
      </AskReason>
      <AskReason
        title={t("disputeTitle", { number })}
        opened={step === "dispute"}
        onClose={close}
        label={t("disputeText")}
        hint={t("disputeHint")}
        action={t("disputeDo")}
        onConfirm={(text) => disputeInvoice(device, number, text)}
        onDone={() => {
          moved();
          navigate("/billing/corrections");
        }}
      />
    </div>
  );
}
