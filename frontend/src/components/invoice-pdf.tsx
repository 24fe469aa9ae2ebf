import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { getInvoicePdf } from "../api/endpoints";
import { saveFile } from "../lib/save-file";
import css from "./invoice-list.module.css";

interface InvoicePdfProps {
  id: string;
  number: string;
}

/** Downloads an invoice as it was printed. */
export function InvoicePdf({ id, number }: InvoicePdfProps) {
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
        aria-label={`Download ${number} as PDF`}
      >
        PDF
      </Button>
      {error && <span role="alert">{error.message}</span>}
    </span>
  );
}
