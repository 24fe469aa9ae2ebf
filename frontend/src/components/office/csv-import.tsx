import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../../api/http";
import { useMoneyMoved } from "../../api/office-queries";
import { useText } from "../../text/text";
import { explain } from "../notice";
import css from "./office.module.css";

export interface Imported {
  count: number;
  added: number;
  known: number;
  /** As it is shown. */
  amount: string;
}

interface ImportProps {
  id: string;
  hint: string;
  send: (csv: string, dryRun: boolean) => Promise<Imported>;
}

const SHOWN = 20;

/** Each line that is wrong, with its column and what to do about it. */
function Wrong({ error }: { error: Error }) {
  const { t } = useText("run");
  const errors = error instanceof ApiError ? (error.problem?.errors ?? []) : [];
  return (
    <div className={css.error} role="alert">
      {t("fileFailed")}
      {errors.length === 0 && `: ${explain(error)}`}
      <ul>
        {errors.slice(0, SHOWN).map(({ field, message }) => (
          <li key={`${field} ${message}`}>{t("fileLine", { where: field, what: message })}</li>
        ))}
      </ul>
    </div>
  );
}

/** A file is looked at before it is taken in: all of it, or nothing. */
export function CsvImport({ id, hint, send }: ImportProps) {
  const { t } = useText("run");
  const moved = useMoneyMoved();
  const [file, setFile] = useState<File | null>(null);
  const { mutate, data, error, isPending, variables, reset } = useMutation({
    mutationFn: async (dryRun: boolean) => send((await file?.text()) ?? "", dryRun),
    onSuccess: (_, dryRun) => {
      if (!dryRun) moved();
    },
  });
  const checked = data !== undefined && variables === true;
  return (
    <div className={css.rows}>
      <p className="soft">{hint}</p>
      <div className={css.tools}>
        <label htmlFor={id} style={{ flexBasis: "100%" }}>
          {t("file")}
        </label>
        <input
          id={id}
          type="file"
          className={css.file}
          accept=".csv,text/csv"
          onChange={({ currentTarget: { files } }) => {
            reset();
            setFile(files?.[0] ?? null);
          }}
        />
        <Button
          variant={checked ? "default" : "filled"}
          disabled={!file}
          loading={isPending && variables}
          onClick={() => mutate(true)}
        >
          {t("fileCheck")}
        </Button>
        <Button disabled={!checked} loading={isPending && !variables} onClick={() => mutate(false)}>
          {t("fileTake")}
        </Button>
      </div>
      <div aria-live="polite">
        {data && <p className={css.good}>{t(variables ? "fileChecked" : "fileTaken", { ...data })}</p>}
        {error && <Wrong error={error} />}
      </div>
    </div>
  );
}
