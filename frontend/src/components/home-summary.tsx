import { useSyncExternalStore } from "react";
import { Trans } from "react-i18next";
import type { Device } from "../api/types";
import { power, whole } from "../lib/format";
import { useNow, usePlace } from "../lib/hooks";
import { presence } from "../lib/staleness";
import { seenMs, statusOf } from "../live/device";
import { getLive, liveVersion, subscribeAnyLive } from "../live/store";
import { useText } from "../text/text";
import css from "./home-summary.module.css";

/** What all meters that are online draw together. Silent ones are not counted: nobody knows. */
export function HomeSummary({ devices }: { devices: readonly Device[] }) {
  const { t } = useText("meter");
  const { locale } = usePlace();
  const now = useNow(5000);
  useSyncExternalStore(subscribeAnyLive, liveVersion);
  let watts = 0;
  let online = 0;
  for (const device of devices) {
    const live = getLive(device.device_id);
    if (presence(statusOf(device, live), seenMs(device, live), now) !== "online") continue;
    online += 1;
    watts += live?.reading.power_w ?? 0;
  }
  const { value, unit } = power(watts, locale);
  return (
    <p className={css.summary}>
      <Trans
        t={t}
        i18nKey="summary"
        values={{
          power: `${value} ${unit}`,
          online: whole(online, locale),
          all: whole(devices.length, locale),
        }}
        components={{ b: <strong className="num" />, dot: <span className={css.dot} /> }}
      />
    </p>
  );
}
