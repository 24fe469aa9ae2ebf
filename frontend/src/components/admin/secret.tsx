import { ActionIcon } from "@mantine/core";
import { Fragment, useState } from "react";
import { useText } from "../../text/text";
import css from "../form.module.css";
import { Icon } from "../icon";
import "../../text/manage";

export interface SecretEntry {
  id: string;
  name: string;
  value: string;
}

/** Names, values, and a button that copies each. Long texts with lines keep them. */
export function SecretList({ entries }: { entries: readonly SecretEntry[] }) {
  const { t } = useText("device");
  const [copied, setCopied] = useState<string | null>(null);
  const copy = async ({ id, value }: SecretEntry) => {
    await navigator.clipboard.writeText(value);
    setCopied(id);
  };
  return (
    <dl className={css.secret}>
      {entries.map((entry) => {
        const { id, name, value } = entry;
        return (
          <Fragment key={id}>
            <dt>{name}</dt>
            <dd>{value.includes("\n") ? <pre className={css.pem}>{value}</pre> : value}</dd>
            {/* Without HTTPS the browser has no clipboard; the text can still be selected. */}
            {navigator.clipboard ? (
              <ActionIcon
                variant="subtle"
                aria-label={t(copied === id ? "copied" : "copy", { name })}
                onClick={() => void copy(entry)}
              >
                {copied === id ? "✓" : <Icon name="copy" size={18} />}
              </ActionIcon>
            ) : (
              <span />
            )}
          </Fragment>
        );
      })}
    </dl>
  );
}
