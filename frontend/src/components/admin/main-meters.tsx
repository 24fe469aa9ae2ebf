import { Button, TextInput } from "@mantine/core";
import type { SubmitEvent } from "react";
import { updateSettings } from "../../api/admin";
import type { Settings, SettingsPatch } from "../../api/admin-types";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import css from "./admin.module.css";
import { ProblemLine, problemsOf } from "./problem";
import { SavedLine } from "./saved-line";
import { useChange } from "./use-change";
import "../../text/manage";

const FIELDS = ["main_meters", "supply_rate_per_kwh"] as const;

/** By which meters the supply comes in, and what a kWh of it costs. */
export function MainMeters({ settings }: { settings: Settings }) {
  const { t } = useText("settings");
  const { currency } = usePlace();
  const { change, busy, error, saved } = useChange(
    (body: SettingsPatch) => updateSettings(body),
    [["settings"], ["losses"]],
  );
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    change({
      main_meters: text("main_meters")
        .split(/[\s,]+/)
        .filter(Boolean),
      supply_rate_per_kwh: text("rate").replace(",", ".") || null,
    });
  };
  return (
    <section className={`panel ${css.card}`} aria-labelledby="settings-main">
      <h2 id="settings-main">{t("main")}</h2>
      <p className="soft">{t("mainHint")}</p>
      <form className={css.form} onSubmit={submit}>
        <ProblemLine text={rest} />
        <div className={css.pair}>
          <TextInput
            name="main_meters"
            label={t("meters")}
            description={t("metersHint")}
            defaultValue={settings.main_meters.join(", ")}
            error={wrong("main_meters")}
            autoComplete="off"
          />
          <TextInput
            name="rate"
            label={t("rate", { currency })}
            description={t("rateHint")}
            inputMode="decimal"
            defaultValue={settings.supply_rate_per_kwh ?? ""}
            error={wrong("supply_rate_per_kwh")}
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
