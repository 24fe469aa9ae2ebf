import { Link } from "wouter";
import type { Device } from "../api/types";
import { measure, power, register } from "../lib/format";
import { useLive, useLost, useNow, usePlace } from "../lib/hooks";
import { presence } from "../lib/staleness";
import { seenMs, statusOf } from "../live/device";
import { useText } from "../text/text";
import { DeviceState } from "./device-state";
import { Figure } from "./figure";
import { Icon } from "./icon";
import { ManageLink } from "./manage-link";
import css from "./meter-header.module.css";
import { TodayUse } from "./today-use";

export function MeterHeader({ device }: { device: Device }) {
  const { t } = useText("meter");
  const { locale } = usePlace();
  const live = useLive(device.device_id);
  const reading = live?.reading;
  const watts = reading ? power(reading.power_w, locale) : null;
  const state = presence(statusOf(device, live), seenMs(device, live), useNow(10_000), useLost() !== null);
  const known = device.status !== "never" || live !== undefined;
  return (
    <header className={css.header} data-state={state}>
      <Link href="/" className={css.back}>
        <Icon name="back" size={16} /> {t("all")}
      </Link>
      <div className={css.row}>
        <div className={css.who}>
          <h1>{device.name ?? device.device_id}</h1>
          <p className="soft">
            {[device.name && device.device_id, device.owner, device.tariff].filter(Boolean).join(" · ")}
          </p>
          <DeviceState device={device} />
          <ManageLink id={device.device_id} />
        </div>
        <p className={css.watts} data-testid="watts">
          {watts?.value ?? "—"}
          <span>{watts?.unit ?? "W"}</span>
        </p>
      </div>
      <dl className={`panel ${css.figures}`}>
        <Figure name={t("today")} value={<TodayUse id={device.device_id} enabled={known} />} />
        <Figure name={t("voltage")} value={measure(reading?.voltage, 1, "V", locale)} />
        <Figure name={t("current")} value={measure(reading?.current, 2, "A", locale)} />
        <Figure name={t("powerFactor")} value={measure(reading?.power_factor, 2, "", locale)} />
        <Figure name={t("frequency")} value={measure(reading?.frequency_hz, 1, "Hz", locale)} />
        <Figure name={t("register")} value={register(reading?.energy_kwh ?? null, locale)} />
      </dl>
    </header>
  );
}
