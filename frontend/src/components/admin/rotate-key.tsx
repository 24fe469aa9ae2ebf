import { Button, NativeSelect } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { rotateKey } from "../../api/admin";
import type { ApiKey, ApiKeyRotation } from "../../api/admin-types";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import css from "../form.module.css";
import { EXPIRIES } from "./add-key";
import { KeyShown } from "./key-shown";
import { ProblemLine, problemsOf } from "./problem";
import { useChange } from "./use-change";
import "../../text/manage";

const GRACES = [1, 24, 72, 168, 720] as const;
const HOURS_A_DAY = 24;

export function RotateKey({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useText("keys");
  const { id, name } = apiKey;
  const [open, setOpen] = useState(false);
  const [made, setMade] = useState<ApiKey | null>(null);
  const { change, busy, error } = useChange(
    (body: ApiKeyRotation) => rotateKey(id, body),
    [["keys"]],
    setMade,
  );
  const close = () => {
    setOpen(false);
    setMade(null);
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    change({
      grace_hours: Number(form.get("grace_hours")),
      expires_in_days: Number(form.get("expires_in_days")),
    });
  };
  return (
    <>
      <Button variant="default" size="xs" aria-label={t("rotateOne", { name })} onClick={() => setOpen(true)}>
        {t("rotate")}
      </Button>
      <Dialog opened={open} title={t("rotateTitle", { name })} onClose={close} held={made !== null}>
        {made ? (
          <KeyShown apiKey={made} onDone={close} />
        ) : (
          <form className={css.form} onSubmit={submit}>
            <p className="soft">{t("rotateHint")}</p>
            <ProblemLine text={problemsOf(error, []).rest} />
            <NativeSelect
              name="grace_hours"
              label={t("grace")}
              defaultValue={168}
              data={GRACES.map((hours) => ({
                value: String(hours),
                label:
                  hours < HOURS_A_DAY
                    ? t("hour", { count: hours })
                    : t("common:day", { count: hours / HOURS_A_DAY }),
              }))}
            />
            <NativeSelect
              name="expires_in_days"
              label={t("expiry")}
              defaultValue={90}
              data={EXPIRIES.map((days) => ({
                value: String(days),
                label: t("common:day", { count: days }),
              }))}
            />
            <Button type="submit" loading={busy}>
              {t("rotateNow")}
            </Button>
          </form>
        )}
      </Dialog>
    </>
  );
}
