import { Link } from "wouter";
import type { Device } from "../api/types";
import { measure, power } from "../lib/format";
import { useLive, useLost, useNow, usePlace, useSeen } from "../lib/hooks";
import { presence } from "../lib/staleness";
import { seenMs, statusOf } from "../live/device";
import { useText } from "../text/text";
import css from "./meter-card.module.css";
import { PresenceLine } from "./presence";
import { Sparkline } from "./sparkline";
import { TodayUse } from "./today-use";

export function MeterCard({ device }: { device: Device }) {
  const { t } = useText("meter");
  const { locale } = usePlace();
  const [ref, seen] = useSeen<HTMLElement>();
  const live = useLive(device.device_id);
  const reading = live?.reading ?? null;
  const at = seenMs(device, live);
  const status = statusOf(device, live);
  const state = presence(status, at, useNow(10_000), useLost() !== null);
  const watts = reading ? power(reading.power_w, locale) : null;
  return (
    <article ref={ref} className={`panel ${css.card}`} data-device={device.device_id} data-state={state}>
      <div className={css.head}>
        <h2 className={css.name} title={device.name ?? undefined}>
          <Link href={`/meters/${device.device_id}`}>{device.name ?? device.device_id}</Link>
        </h2>
        {device.name && <span className={css.id}>{device.device_id}</span>}
      </div>
      <PresenceLine status={status} seenMs={at} />
      <p className={css.watts} data-testid="watts">
        <span key={live?.at} className={css.moved}>
          {watts?.value ?? "—"}
        </span>
        <span className={css.unit}>{watts?.unit ?? "W"}</span>
      </p>
      <p className={css.electric}>
        <span>{measure(reading?.voltage, 1, "V", locale)}</span>
        <span>{measure(reading?.current, 2, "A", locale)}</span>
        <span>
          <abbr title={t("powerFactor")}>{t("pf")}</abbr> {measure(reading?.power_factor, 2, "", locale)}
        </span>
      </p>
      <Sparkline id={device.device_id} enabled={seen && state !== "never"} />
      <p className={css.today}>
        <span className="soft">{t("today")}</span>
        <TodayUse id={device.device_id} enabled={seen && state !== "never"} />
      </p>
    </article>
  );
}
