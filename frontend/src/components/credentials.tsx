import { ActionIcon, Button } from "@mantine/core";
import { Fragment, useState } from "react";
import type { CreatedDevice } from "../api/types";
import { useText } from "../text/text";
import css from "./form.module.css";
import { Icon } from "./icon";
import { Notice } from "./notice";

/** The only time that the password is there to be seen. */
export function Credentials({ device, onDone }: { device: CreatedDevice; onDone: () => void }) {
  const { t } = useText("device");
  const [copied, setCopied] = useState<string | null>(null);
  if (!device.credentials)
    return (
      <div className={css.form}>
        <Notice icon="alert" tone="warn" title={t("withoutLogin")}>
          {device.note ?? t("noBroker")}
        </Notice>
        <Button onClick={onDone}>{t("common:done")}</Button>
      </div>
    );
  const { mqtt, ca_pem } = device.credentials;
  const entries = [
    ["host", mqtt.host],
    ["port", String(mqtt.port)],
    ["user", mqtt.username],
    ["password", mqtt.password],
    ["ca", ca_pem],
  ] as const;
  // Without HTTPS the browser has no clipboard; the text can still be selected.
  const copy = async (name: string, value: string) => {
    await navigator.clipboard.writeText(value);
    setCopied(name);
  };
  return (
    <div className={css.form}>
      <Notice icon="alert" tone="warn" title={t("once")}>
        {t("onceHint")}
      </Notice>
      <dl className={css.secret}>
        {entries.map(
          ([name, value]) =>
            value !== undefined && (
              <Fragment key={name}>
                <dt>{t(name)}</dt>
                <dd>{name === "ca" ? <pre className={css.pem}>{value}</pre> : value}</dd>
                {navigator.clipboard ? (
                  <ActionIcon
                    variant="subtle"
                    aria-label={t(copied === name ? "copied" : "copy", { name: t(name) })}
                    onClick={() => void copy(name, value)}
                  >
                    {copied === name ? "✓" : <Icon name="copy" size={18} />}
                  </ActionIcon>
                ) : (
                  <span />
                )}
              </Fragment>
            ),
        )}
      </dl>
      <Button onClick={onDone}>{t("common:done")}</Button>
    </div>
  );
}
