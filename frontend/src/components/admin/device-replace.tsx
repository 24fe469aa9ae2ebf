import { Button, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { replaceDevice } from "../../api/admin";
import type { DeviceReplacement } from "../../api/admin-types";
import type { CreatedDevice, Device } from "../../api/types";
import { register } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { localInstant } from "../../lib/local-time";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import css from "./admin.module.css";
import { typedNumber } from "./device-details";
import { LoginShown } from "./login-shown";
import { ProblemLine, problemsOf } from "./problem";
import { useChange } from "./use-change";
import "../../text/manage";

const FIELDS = ["device_id", "name", "at", "closing_kwh", "opening_kwh"] as const;

/** Another meter in this one's place, with what both registers showed. */
export function DeviceReplace({ device }: { device: Device }) {
  const { t } = useText("device");
  const [open, setOpen] = useState(false);
  const [made, setMade] = useState<CreatedDevice | null>(null);
  const close = () => {
    setOpen(false);
    setMade(null);
  };
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>
        {t("replace")}
      </Button>
      <Dialog
        opened={open}
        title={made ? t("replaced", { device: made.device_id }) : t("replace")}
        onClose={close}
        held={made !== null}
      >
        {made ? (
          <LoginShown
            deviceId={made.device_id}
            credentials={made.credentials}
            note={made.note}
            onDone={close}
          />
        ) : (
          <ReplaceForm device={device} onMade={setMade} />
        )}
      </Dialog>
    </>
  );
}

function ReplaceForm({ device, onMade }: { device: Device; onMade: (made: CreatedDevice) => void }) {
  const { t } = useText("device");
  const { timezone, locale } = usePlace();
  const { change, busy, error } = useChange(
    (body: DeviceReplacement) => replaceDevice(device.device_id, body),
    [["devices"], ["accounts"], ["settings"]],
    onMade,
  );
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const body: DeviceReplacement = { device_id: text("device_id") };
    if (text("name")) body.name = text("name");
    const at = localInstant(text("at"), timezone);
    if (at) body.at = at;
    const closing = typedNumber(text("closing_kwh"));
    const opening = typedNumber(text("opening_kwh"));
    if (closing !== undefined) body.closing_kwh = closing;
    if (opening !== undefined) body.opening_kwh = opening;
    change(body);
  };
  const last = device.last_reading;
  return (
    <form className={css.form} onSubmit={submit}>
      <p className="soft">{t("replaceHint")}</p>
      <ProblemLine text={rest} />
      <TextInput
        name="device_id"
        label={t("newId")}
        description={t("idHint")}
        pattern="[A-Za-z0-9_\-]{1,64}"
        required
        withAsterisk={false}
        autoComplete="off"
        error={wrong("device_id")}
        data-autofocus
      />
      <TextInput
        name="name"
        label={t("name")}
        placeholder={device.name ?? ""}
        description={t("nameSame")}
        error={wrong("name")}
      />
      <TextInput
        name="at"
        type="datetime-local"
        label={t("at")}
        description={t("atHint", { zone: timezone })}
        error={wrong("at")}
      />
      <div className={css.pair}>
        <TextInput
          name="closing_kwh"
          label={t("closing")}
          description={last ? t("closingHint", { register: register(last.energy_kwh, locale) }) : undefined}
          inputMode="decimal"
          error={wrong("closing_kwh")}
        />
        <TextInput name="opening_kwh" label={t("opening")} inputMode="decimal" error={wrong("opening_kwh")} />
      </div>
      <Button type="submit" loading={busy}>
        {t("replaceNow")}
      </Button>
    </form>
  );
}
