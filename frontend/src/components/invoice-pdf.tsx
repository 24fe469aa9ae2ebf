import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { getInvoicePdf } from "../api/endpoints";
import { saveFile } from "../lib/save-file";
import { useText } from "../text/text";
import css from "./invoice-list.module.css";
import { explain } from "./notice";

interface InvoicePdfProps {
  id: string;
  number: string;
}

/** Downloads an invoice as it was printed. */
export function InvoicePdf({ id, number }: InvoicePdfProps) {
  const { t } = useText("bill");
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => getInvoicePdf(id, number),
    onSuccess: (file) => saveFile(file, `${number}.pdf`),
  });
  return (
    <span className={css.pdf}>
      <Button
        size="compact-sm"
        variant="default"
        loading={isPending}
        onClick={() => mutate()}
        aria-label={t("downloadPdf", { number })}
      >
        {t("pdf")}
      </Button>
      {error && <span role="alert">{explain(error)}</span>}
    </span>
  );
}
