import { Button, TextInput } from "@mantine/core";
import type { SubmitEvent } from "react";
import { updateDevice } from "../../api/admin";
import type { DevicePatch } from "../../api/admin-types";
import type { Device } from "../../api/types";
import { useText } from "../../text/text";
import css from "./admin.module.css";
import { ProblemLine, problemsOf } from "./problem";
import { SavedLine } from "./saved-line";
import { useChange } from "./use-change";
import "../../text/manage";

const FIELDS = ["name", "modulus_kwh", "max_power_kw"] as const;

/** A number as it was typed, with a point or a comma for its decimals; undefined: nothing. */
export function typedNumber(text: string): number | undefined {
  const number = Number(text.trim().replace(",", "."));
  return text.trim() === "" || Number.isNaN(number) ? undefined : number;
}

/** Name and limits. */
export function DeviceDetails({ device }: { device: Device }) {
  const { t } = useText("device");
  const { change, busy, error, saved } = useChange(
    (body: DevicePatch) => updateDevice(device.device_id, body),
    [["devices"]],
  );
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body: DevicePatch = { name: String(form.get("name") ?? "").trim() || null };
    const modulus = typedNumber(String(form.get("modulus_kwh") ?? ""));
    const power = typedNumber(String(form.get("max_power_kw") ?? ""));
    if (modulus !== undefined && modulus !== device.modulus_kwh) body.modulus_kwh = modulus;
    if (power !== undefined && power !== device.max_power_kw) body.max_power_kw = power;
    change(body);
  };
  return (
    <section className={`panel ${css.card}`} aria-labelledby="device-details">
      <h2 id="device-details">{t("details")}</h2>
      <form className={css.form} onSubmit={submit}>
        <ProblemLine text={rest} />
        <TextInput
          name="name"
          label={t("name")}
          defaultValue={device.name ?? ""}
          maxLength={80}
          error={wrong("name")}
        />
        <div className={css.pair}>
          <TextInput
            name="modulus_kwh"
            label={t("modulus")}
            description={t("modulusHint")}
            inputMode="decimal"
            defaultValue={device.modulus_kwh}
            error={wrong("modulus_kwh")}
          />
          <TextInput
            name="max_power_kw"
            label={t("maxPower")}
            description={t("maxPowerHint")}
            inputMode="decimal"
            defaultValue={device.max_power_kw}
            error={wrong("max_power_kw")}
          />
        </div>
        <div className={css.actions}>
          <Button type="submit" loading={busy}>
            {t("common:save")}
          </Button>
          <SavedLine saved={saved} />
        </div>
      </form>
    </section>
  );
}
