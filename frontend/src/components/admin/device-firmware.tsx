import { Button, TextInput } from "@mantine/core";
import type { SubmitEvent } from "react";
import { updateDevice } from "../../api/admin";
import type { DeviceFirmware as Said } from "../../api/admin-types";
import type { Device } from "../../api/types";
import { dateTime } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { Figure } from "../figure";
import css from "./admin.module.css";
import { ProblemLine, problemsOf } from "./problem";
import { SavedLine } from "./saved-line";
import { useChange } from "./use-change";
import "../../text/manage";

const FIELDS = ["cohort"] as const;

function Facts({ firmware }: { firmware: Said }) {
  const { t } = useText("firmware");
  const { timezone, locale } = usePlace();
  const { version, hardware, state, seen_at, offer } = firmware;
  return (
    <dl className={css.facts}>
      <Figure name={t("version")} value={version} />
      <Figure name={t("hardware")} value={hardware} />
      <Figure name={t("does")} value={t(`doing.${state}`)} />
      <Figure name={t("saidAt")} value={dateTime(seen_at, timezone, locale)} />
      {offer && <Figure name={t("offer")} value={`${offer.version}: ${t(`results.${offer.result}`)}`} />}
    </dl>
  );
}

/** What the meter runs, as it said itself, and which releases it is offered. */
export function DeviceFirmware({ device }: { device: Device }) {
  const { t } = useText("firmware");
  const { change, busy, error, saved } = useChange(
    (cohort: string) => updateDevice(device.device_id, { cohort }),
    [["devices"]],
  );
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    change(String(new FormData(event.currentTarget).get("cohort") ?? "").trim());
  };
  return (
    <section className={`panel ${css.card}`} aria-labelledby="device-firmware">
      <h2 id="device-firmware">{t("ofMeter")}</h2>
      {device.firmware ? <Facts firmware={device.firmware} /> : <p className="soft">{t("unsaid")}</p>}
      <form className={css.form} onSubmit={submit}>
        <ProblemLine text={rest} />
        <TextInput
          name="cohort"
          label={t("cohort")}
          description={t("cohortHint")}
          defaultValue={device.cohort ?? ""}
          maxLength={32}
          required
          withAsterisk={false}
          error={wrong("cohort")}
        />
        <div className={css.actions}>
          <Button type="submit" variant="default" loading={busy}>
            {t("common:save")}
          </Button>
          <SavedLine saved={saved} />
        </div>
      </form>
    </section>
  );
}
