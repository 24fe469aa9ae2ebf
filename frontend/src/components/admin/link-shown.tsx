import { Button } from "@mantine/core";
import type { PasswordLink } from "../../api/admin-types";
import { dateTime } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { wholeLink } from "../../lib/people";
import { useText } from "../../text/text";
import css from "../form.module.css";
import { Notice } from "../notice";
import QrCode from "../qr-code";
import admin from "./admin.module.css";
import { SecretList } from "./secret";
import "../../text/manage";

/** A one-time link, shown once: to copy, or for a phone that is held before it. */
export function LinkShown({ link, who, onDone }: { link: PasswordLink; who: string; onDone: () => void }) {
  const { t } = useText("people");
  const { timezone, locale } = usePlace();
  const url = wholeLink(link.url, window.location.origin);
  return (
    <div className={css.form}>
      <Notice icon="alert" tone="warn" title={t("linkOnce")}>
        {t("linkHint", { who, at: dateTime(link.expires_at, timezone, locale) })}
      </Notice>
      <QrCode text={url} label={t("linkQr", { who })} ecc="L" className={admin.qr} />
      <SecretList entries={[{ id: "link", name: t("link"), value: url }]} />
      <Button onClick={onDone}>{t("common:done")}</Button>
    </div>
  );
}
