import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { ApiError } from "../../api/http";
import { recordPayment } from "../../api/office";
import { useMoneyMoved } from "../../api/office-queries";
import type { FoundInvoice, NewPayment } from "../../api/types";
import { serverNow } from "../../lib/clock";
import { usePlace } from "../../lib/hooks";
import { formatMoney, minorDigits } from "../../lib/money";
import { goodAmount, newRequestKey, receivedAt } from "../../lib/payment";
import { dateOf } from "../../lib/zone";
import { useText } from "../../text/text";
import css from "./office.module.css";
import { Trouble } from "./parts";

const METHODS = ["upi", "cash", "bank", "card", "cheque", "other"] as const;

interface FormProps {
  account: string;
  /** Those that are not settled. */
  open: readonly FoundInvoice[];
}

const empty = { amount: "", method: "upi", reference: "", invoice: "", note: "" };

/** One payment. It has a key of its own, so that a second press counts it once. */
export function PaymentForm({ account, open }: FormProps) {
  const { t } = useText("ledger");
  const { locale, currency, timezone } = usePlace();
  const moved = useMoneyMoved();
  const today = dateOf(serverNow(), timezone);
  const [fields, setFields] = useState(empty);
  const [day, setDay] = useState(today);
  const [key, setKey] = useState(newRequestKey);
  const [sent, setSent] = useState(false);
  const at = receivedAt(day, serverNow(), today, timezone);
  const good = goodAmount(fields.amount, minorDigits(currency));
  const { mutate, data, error, isPending } = useMutation({
    mutationFn: () => {
      const body: NewPayment = {
        amount: fields.amount.trim(),
        received_at: at ?? "",
        method: fields.method as NonNullable<NewPayment["method"]>,
      };
      if (fields.reference.trim()) body.reference = fields.reference.trim();
      if (fields.invoice) body.invoice = fields.invoice;
      if (fields.note.trim()) body.note = fields.note.trim();
      return recordPayment(account, body, key);
    },
    onSuccess: () => {
      setFields({ ...empty, method: fields.method });
      setKey(newRequestKey());
      setSent(false);
      moved();
    },
  });
  const said = error instanceof ApiError ? (error.problem?.errors ?? []) : [];
  const wrong = (field: string) => said.find((entry) => entry.field === field)?.message;
  const set = (name: keyof typeof fields) => ({
    value: fields[name],
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => {
      setFields((before) => ({ ...before, [name]: value }));
      // What was refused is another payment once it is changed.
      if (error) setKey(newRequestKey());
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setSent(true);
    if (good && at) mutate();
  };
  return (
    <form className={css.rows} onSubmit={submit} noValidate>
      {said.length === 0 && <Trouble what={t("payFailed")} error={error} />}
      {data && !error && (
        <p className={css.good} role="status">
          {t("paid", {
            amount: formatMoney(data.amount.replace("-", ""), currency, locale),
            balance: formatMoney(data.balance, currency, locale),
          })}
        </p>
      )}
      <div className={css.row}>
        <TextInput
          label={t("payAmount")}
          inputMode="decimal"
          autoComplete="off"
          error={wrong("amount") ?? (sent && !good && t("payAmountForm"))}
          {...set("amount")}
        />
        <TextInput
          type="date"
          label={t("payDay")}
          max={today}
          value={day}
          error={wrong("received_at") ?? (sent && !at && t("payDayForm"))}
          onChange={({ currentTarget: { value } }) => setDay(value)}
        />
        <NativeSelect
          label={t("payMethod")}
          data={METHODS.map((value) => ({ value, label: t(`method.${value}`) }))}
          {...set("method")}
        />
      </div>
      <div className={css.row}>
        <TextInput
          label={t("payReference")}
          description={t("payReferenceHint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          maxLength={80}
          error={wrong("reference")}
          {...set("reference")}
        />
        <NativeSelect
          label={t("payInvoice")}
          data={[
            { value: "", label: t("payInvoiceAny") },
            ...open.map(({ number }) => ({ value: number, label: number })),
          ]}
          error={wrong("invoice")}
          {...set("invoice")}
        />
        <TextInput label={t("payNote")} maxLength={500} error={wrong("note")} {...set("note")} />
      </div>
      <div className={css.tools}>
        <Button type="submit" loading={isPending}>
          {t("payDo")}
        </Button>
      </div>
    </form>
  );
}
