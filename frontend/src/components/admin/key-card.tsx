import { Button } from "@mantine/core";
import { useState } from "react";
import { revokeKey } from "../../api/admin";
import type { ApiKey } from "../../api/admin-types";
import { dateTime } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { Figure } from "../figure";
import css from "./admin.module.css";
import { problemsOf } from "./problem";
import { RotateKey } from "./rotate-key";
import { TypedConfirm } from "./typed-confirm";
import { useChange } from "./use-change";
import "../../text/manage";

const tones = { good: undefined, ended: "warn", revoked: "bad" } as const;

export function KeyCard({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useText("keys");
  const { timezone, locale } = usePlace();
  const [asking, setAsking] = useState(false);
  const { id, name, status, scopes, devices, expires_at, last_used_at, created_at, secrets } = apiKey;
  const revoke = useChange(
    () => revokeKey(id),
    [["keys"]],
    () => setAsking(false),
  );
  const at = (instant: string | null) => (instant ? dateTime(instant, timezone, locale) : "—");
  return (
    <article className={`panel ${css.card}`} aria-label={name}>
      <div className={css.head}>
        <h2>
          {name}
          <span className={css.tag} data-tone={tones[status]}>
            {t(`states.${status}`)}
          </span>
          {secrets > 1 && <span className={css.tag}>{t("rotating")}</span>}
        </h2>
        {status !== "revoked" && (
          <div className={css.actions}>
            <RotateKey apiKey={apiKey} />
            <Button
              variant="default"
              size="xs"
              aria-label={t("revokeOne", { name })}
              onClick={() => setAsking(true)}
            >
              {t("revoke")}
            </Button>
          </div>
        )}
      </div>
      <dl className={css.facts}>
        <Figure name={t("expires")} value={at(expires_at)} />
        <Figure name={t("used")} value={last_used_at ? at(last_used_at) : t("never")} />
        <Figure name={t("created")} value={at(created_at)} />
      </dl>
      <p>
        {scopes.map((scope) => (
          <span
            key={scope}
            className={css.tag}
            title={t(`scopes.${scope.replace(":", "_")}` as "scopes.devices_read")}
          >
            {scope}
          </span>
        ))}
      </p>
      {devices && <p className="soft">{t("limitedTo", { meters: devices.join(", ") })}</p>}
      <TypedConfirm
        opened={asking}
        title={t("revokeTitle", { name })}
        word={name}
        action={t("revoke")}
        busy={revoke.busy}
        problem={problemsOf(revoke.error, []).rest}
        onConfirm={() => revoke.change(undefined)}
        onClose={() => setAsking(false)}
      >
        <p>{t("revokeHint")}</p>
      </TypedConfirm>
    </article>
  );
}
