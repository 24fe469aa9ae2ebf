import { ActionIcon, Button } from "@mantine/core";
import { Fragment, useState } from "react";
import type { CreatedDevice } from "../api/types";
import css from "./form.module.css";
import { Icon } from "./icon";
import { Notice } from "./notice";

/** The only time that the password is there to be seen. */
export function Credentials({ device, onDone }: { device: CreatedDevice; onDone: () => void }) {
  const [copied, setCopied] = useState<string | null>(null);
  if (!device.credentials)
    return (
      <div className={css.form}>
        <Notice icon="alert" tone="warn" title="Added, without a login">
          {device.note ?? "No broker is managed here."}
        </Notice>
        <Button onClick={onDone}>Done</Button>
      </div>
    );
  const { mqtt, ca_pem } = device.credentials;
  // What there is depends on the kind of login.
  const told: [string, string | undefined][] = [
    ["Host", mqtt.host],
    ["Port", String(mqtt.port)],
    ["User", mqtt.username],
    ["Password", mqtt.password],
    ["Identity", mqtt.identity],
    ["Key", mqtt.key],
    ["CA certificate", ca_pem],
  ];
  const entries = told.filter((entry): entry is [string, string] => entry[1] !== undefined);
  // Without HTTPS the browser has no clipboard; the text can still be selected.
  const copy = async (name: string, value: string) => {
    await navigator.clipboard.writeText(value);
    setCopied(name);
  };
  return (
    <div className={css.form}>
      <Notice icon="alert" tone="warn" title="Shown this once">
        Put these into the meter now. They can’t be shown again.
      </Notice>
      <dl className={css.secret}>
        {entries.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{name === "CA certificate" ? <pre className={css.pem}>{value}</pre> : value}</dd>
            {navigator.clipboard ? (
              <ActionIcon
                variant="subtle"
                aria-label={copied === name ? `${name} copied` : `Copy: ${name}`}
                onClick={() => void copy(name, value)}
              >
                {copied === name ? "✓" : <Icon name="copy" size={18} />}
              </ActionIcon>
            ) : (
              <span />
            )}
          </Fragment>
        ))}
      </dl>
      <Button onClick={onDone}>Done</Button>
    </div>
  );
}
