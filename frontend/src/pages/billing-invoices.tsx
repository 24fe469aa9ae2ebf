import { Button, NativeSelect, Skeleton, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { ApiError } from "../api/http";
import { getMonthZip, type InvoiceSearch } from "../api/office";
import { useFoundInvoices } from "../api/office-queries";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import { InvoiceTable } from "../components/office/invoice-table";
import { MonthSelect, useBilledMonth } from "../components/office/month-select";
import css from "../components/office/office.module.css";
import { Trouble } from "../components/office/parts";
import { BillingTabs } from "../components/office/tabs";
import { statusWords } from "../lib/bill-words";
import { monthName } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import { saveFile } from "../lib/save-file";
import "../text/office";
import { useText } from "../text/text";

const STATES = ["issued", "overdue", "paid", "cancelled"] as const;

/** The server makes a large month for minutes, and says meanwhile to ask again. */
async function zipOf(month: string): Promise<Blob> {
  for (;;) {
    try {
      return await getMonthZip(month);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 503 || error.retryAfterS === null) throw error;
      await new Promise((resolve) => setTimeout(resolve, (error.retryAfterS ?? 3) * 1000));
    }
  }
}

function Zip({ month }: { month: string }) {
  const { t } = useText("run");
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => zipOf(month),
    onSuccess: (file) => saveFile(file, `invoices-${month}.zip`),
  });
  return (
    <>
      <Button variant="default" loading={isPending} onClick={() => mutate()}>
        {t("zip")}
      </Button>
      {isPending && (
        <span className="soft" role="status">
          {t("zipMaking")}
        </span>
      )}
      <Trouble what={t("zipFailed")} error={error} />
    </>
  );
}

export default function BillingInvoicesPage() {
  const { t } = useText("run");
  const { locale } = usePlace();
  useTitle(t("invoices"));
  const [month, choose, last] = useBilledMonth();
  const [params, setParams] = useSearchParams();
  const state = params.get("state") ?? "";
  const [text, setText] = useState("");
  const asked = useDeferredValue(text.trim());
  const search: InvoiceSearch = {
    month,
    ...(state === "credit_note" ? { kind: state } : state !== "" && { status: state, kind: "invoice" }),
    ...(asked !== "" && { q: asked }),
  };
  const found = useFoundInvoices(search);
  const { rows, error, refetch, hasNextPage } = found;
  const name = monthName(month, locale);
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("listMotto")}</p>
        </div>
      </div>
      <BillingTabs />
      <div className={css.column}>
        <div className={css.tools}>
          <MonthSelect month={month} last={last} onChange={choose} />
          <NativeSelect
            label={t("state")}
            value={state}
            data={[
              { value: "", label: t("stateAll") },
              ...STATES.map((value) => ({ value: value as string, label: statusWords(value) })),
              { value: "credit_note", label: t("creditNotes") },
            ]}
            onChange={({ currentTarget: { value } }) =>
              setParams(
                (before) => {
                  before.set("state", value);
                  return before;
                },
                { replace: true },
              )
            }
          />
          <TextInput
            type="search"
            label={t("search")}
            placeholder={t("searchHint")}
            maxLength={80}
            leftSection={<Icon name="search" size={18} />}
            value={text}
            onChange={({ currentTarget: { value } }) => setText(value)}
          />
          {rows && rows.length > 0 && <Zip month={month} />}
        </div>
        {error && !rows && <Failure what={t("listFailed")} error={error} onRetry={() => void refetch()} />}
        {!rows && !error && <Skeleton height={320} radius={14} aria-label={t("common:loading")} />}
        {rows?.length === 0 && !hasNextPage && (
          <Notice
            icon={state || asked ? "search" : "empty"}
            title={state || asked ? t("listNoMatch") : t("listNone", { month: name })}
          >
            {state || asked ? (
              t("listNoMatchHint")
            ) : (
              <Link href={`/billing?month=${month}`}>{t("listNoneHint")}</Link>
            )}
          </Notice>
        )}
        {rows && rows.length > 0 && (
          <InvoiceTable
            key={`${month} ${state} ${asked}`}
            invoices={rows}
            label={`${t("invoices")}, ${name}`}
            following={found}
          />
        )}
      </div>
    </>
  );
}
