import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { disputeInvoice } from "../api/endpoints";
import { useDisputes } from "../api/queries";
import type { Dispute, Invoice } from "../api/types";
import { dateTime } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { useText } from "../text/text";
import css from "./dispute.module.css";
import { explain } from "./notice";
import "../text/later";

const LONGEST = 2000;

/** What was asked, and what was answered. */
function Told({ dispute }: { dispute: Dispute }) {
  const { t } = useText("money");
  const { locale, timezone } = usePlace();
  const { no, opened_at, text, resolved } = dispute;
  return (
    <div className={css.told} data-state={resolved ? "resolved" : "open"}>
      <p>
        <strong>{t(resolved ? "dispute.resolved" : "dispute.open", { no })}</strong>{" "}
        <span className="soft">{dateTime(opened_at, timezone, locale)}</span>
      </p>
      <p className={css.text}>{text}</p>
      {resolved ? (
        <>
          <p className="soft">{t("dispute.answered", { at: dateTime(resolved.at, timezone, locale) })}</p>
          <p className={css.text}>{resolved.text}</p>
        </>
      ) : (
        <p className="soft">{t("dispute.wait")}</p>
      )}
    </div>
  );
}

function Ask({ id, number, onDone }: { id: string; number: string; onDone: () => void }) {
  const { t } = useText("money");
  const client = useQueryClient();
  // Kept through an error: whoever wrote it must not write it again.
  const [text, setText] = useState("");
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => disputeInvoice(id, number, text.trim()),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["disputes"] });
      onDone();
    },
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    mutate();
  };
  return (
    <form className={css.form} onSubmit={send}>
      <Textarea
        label={t("dispute.label", { number })}
        description={t("dispute.help")}
        value={text}
        maxLength={LONGEST}
        rows={4}
        required
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {error && (
        <p role="alert" className={css.error}>
          {explain(error)}
        </p>
      )}
      <div className={css.buttons}>
        <Button type="submit" loading={isPending} disabled={text.trim() === ""}>
          {t("dispute.send")}
        </Button>
        <Button variant="default" onClick={onDone}>
          {t("common:cancel")}
        </Button>
      </div>
    </form>
  );
}

/** What was said about an invoice; and, of a valid one, the way to say something. */
export function InvoiceDispute({ id, invoice }: { id: string; invoice: Invoice }) {
  const { t } = useText("money");
  const { disputes } = useDisputes();
  const [asking, setAsking] = useState(false);
  const { number, kind, status } = invoice;
  const of = disputes?.filter((dispute) => dispute.invoice === number) ?? [];
  const open = of.some(({ resolved }) => resolved === null);
  const may = kind === "invoice" && status !== "cancelled" && disputes !== undefined && !open;
  return (
    <div className={css.dispute}>
      {of.map((dispute) => (
        <Told key={dispute.no} dispute={dispute} />
      ))}
      {may && !asking && (
        <Button
          variant="subtle"
          size="compact-sm"
          onClick={() => setAsking(true)}
          aria-label={t("dispute.about", { number })}
        >
          {t("dispute.ask")}
        </Button>
      )}
      {may && asking && <Ask id={id} number={number} onDone={() => setAsking(false)} />}
    </div>
  );
}
