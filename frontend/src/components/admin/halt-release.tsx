import { Button, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { haltRelease } from "../../api/admin";
import type { FirmwareRelease } from "../../api/admin-types";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import css from "./admin.module.css";
import { ProblemLine, problemsOf } from "./problem";
import { useChange } from "./use-change";
import "../../text/manage";

const FIELDS = ["reason"] as const;

/** Asks why: it stands beside the release, and somebody has to decide on it later. */
export function HaltRelease({ release: { no, version } }: { release: FirmwareRelease }) {
  const { t } = useText("firmware");
  const [asking, setAsking] = useState(false);
  const { change, busy, error } = useChange(
    (reason: string) => haltRelease(no, reason),
    [["firmware"]],
    () => setAsking(false),
  );
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    change(String(new FormData(event.currentTarget).get("reason") ?? "").trim());
  };
  return (
    <>
      <Button
        variant="default"
        size="xs"
        aria-label={t("haltOne", { version })}
        onClick={() => setAsking(true)}
      >
        {t("halt")}
      </Button>
      <Dialog opened={asking} title={t("haltTitle", { version })} typed onClose={() => setAsking(false)}>
        <form className={css.form} onSubmit={submit}>
          <p>{t("haltHint")}</p>
          <ProblemLine text={rest} />
          <TextInput
            name="reason"
            label={t("reason")}
            description={t("reasonHint")}
            maxLength={200}
            required
            withAsterisk={false}
            error={wrong("reason")}
            data-autofocus
          />
          <Button type="submit" color="red" loading={busy}>
            {t("halt")}
          </Button>
        </form>
      </Dialog>
    </>
  );
}
