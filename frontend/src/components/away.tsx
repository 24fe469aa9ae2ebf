import { Button } from "@mantine/core";
import { start } from "../api/session";
import css from "../app.module.css";
import { readLast } from "../first/last";
import { serverNow } from "../lib/clock";
import { localeFor, power } from "../lib/format";
import { lastSeen } from "../lib/staleness";
import { useLanguage, useText } from "../text/text";
import { Notice } from "./notice";

/** What a resident's one meter said at the last visit, and when: better than nothing, and not called present. */
function LastValue() {
  const language = useLanguage();
  const last = readLast();
  if (!last) return null;
  const { device, reading, site } = last;
  const { value, unit } = power(reading.power_w, localeFor(site.currency, language));
  const seen = lastSeen(Date.parse(reading.timestamp), serverNow()).toLocaleLowerCase();
  return (
    <p className="num">
      {device.name ?? device.device_id}: {value} {unit} · {seen}
    </p>
  );
}

export function Away() {
  const { t } = useText("shell");
  return (
    <div className={css.center}>
      <Notice icon="cloud" title={t("away")}>
        <p>{t("awayHint")}</p>
        <LastValue />
        <Button mt="md" onClick={() => void start()}>
          {t("common:retry")}
        </Button>
      </Notice>
    </div>
  );
}
