import type { Device } from "../api/types";
import { measure, power, register } from "../lib/format";
import { useLive, useLost, useNow, usePlace } from "../lib/hooks";
import { presence } from "../lib/staleness";
import { seenMs, statusOf } from "../live/device";
import { useText } from "../text/text";
import { Figure } from "./figure";
import { Notice } from "./notice";
import { NowDue } from "./now-due";
import { NowMonth } from "./now-month";
import css from "./now-panel.module.css";
import { NowToday } from "./now-today";
import { PresenceLine } from "./presence";
import { Sparkline } from "./sparkline";

/** What the meter says at this moment, how old that is, and what day and month come to so far. */
export function NowPanel({ device }: { device: Device }) {
  const { t } = useText("now");
  const { locale } = usePlace();
  const id = device.device_id;
  const live = useLive(id);
  const reading = live?.reading;
  const at = seenMs(device, live);
  const status = statusOf(device, live);
  const state = presence(status, at, useNow(10_000), useLost() !== null);
  const watts = reading ? power(reading.power_w, locale) : null;
  return (
    <div className={css.columns}>
      <article className={`panel ${css.now}`} data-device={id} data-state={state} aria-labelledby="now">
        <div className={css.head}>
          <h2 id="now">{t("now")}</h2>
          <PresenceLine status={status} seenMs={at} />
        </div>
        {state === "never" ? (
          <Notice icon="meter" title={t("never.title")}>
            {t("never.text")}
          </Notice>
        ) : (
          <>
            <p className={css.watts} data-testid="watts">
              <span>{watts?.value ?? "—"}</span>
              <span className={css.unit}>{watts?.unit ?? "W"}</span>
            </p>
            {state !== "online" && <p className={css.old}>{t(`old.${state}`)}</p>}
            <Sparkline id={id} enabled />
            <dl className={css.figures}>
              <Figure name={t("voltage")} value={measure(reading?.voltage, 1, "V", locale)} />
              <Figure name={t("current")} value={measure(reading?.current, 2, "A", locale)} />
              <Figure name={t("powerFactor")} value={measure(reading?.power_factor, 2, "", locale)} />
              <Figure name={t("frequency")} value={measure(reading?.frequency_hz, 1, "Hz", locale)} />
              <Figure name={t("register")} value={register(reading?.energy_kwh ?? null, locale)} />
            </dl>
          </>
        )}
      </article>
      <div className={css.side}>
        {state !== "never" && <NowToday id={id} />}
        <NowMonth id={id} />
        <NowDue id={id} />
      </div>
    </div>
  );
}
