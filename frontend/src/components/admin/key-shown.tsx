import { Button } from "@mantine/core";
import type { ApiKey } from "../../api/admin-types";
import { dateTime } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import css from "../form.module.css";
import { Notice } from "../notice";
import { SecretList } from "./secret";
import "../../text/manage";

/** A key's secret, shown once. */
export function KeyShown({ apiKey, onDone }: { apiKey: ApiKey; onDone: () => void }) {
  const { t } = useText("keys");
  const { timezone, locale } = usePlace();
  const until = apiKey.expires_at ? dateTime(apiKey.expires_at, timezone, locale) : "—";
  return (
    <div className={css.form}>
      <Notice icon="alert" tone="warn" title={t("once")}>
        {t("onceHint", { at: until })}
      </Notice>
      <SecretList entries={[{ id: "key", name: t("key"), value: apiKey.key ?? "" }]} />
      <p className="soft">{t("howTo")}</p>
      <pre
        className={css.pem}
      >{`curl -H "Authorization: Bearer $KEY" ${window.location.origin}/api/devices`}</pre>
      <Button onClick={onDone}>{t("common:done")}</Button>
    </div>
  );
}
