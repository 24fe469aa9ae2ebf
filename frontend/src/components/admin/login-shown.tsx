import { Button } from "@mantine/core";
import type { DeviceCredentials } from "../../api/admin-types";
import { credentialCode, credentialEntries, credentialFile } from "../../lib/credential-file";
import { saveFile } from "../../lib/save-file";
import { useText } from "../../text/text";
import css from "../form.module.css";
import { Icon } from "../icon";
import { Notice } from "../notice";
import QrCode from "../qr-code";
import admin from "./admin.module.css";
import { SecretList } from "./secret";
import "../../text/manage";

interface LoginShownProps {
  deviceId: string;
  /** Null: there is none, and `note` says why. */
  credentials: DeviceCredentials | null;
  note?: string | undefined;
  onDone: () => void;
}

/** The only time that a meter's password is there to be seen: to copy, as a file and as a QR code. */
export function LoginShown({ deviceId, credentials, note, onDone }: LoginShownProps) {
  const { t } = useText("device");
  if (!credentials)
    return (
      <div className={css.form}>
        <Notice icon="alert" tone="warn" title={t("withoutLogin")}>
          {note ?? t("noBroker")}
        </Notice>
        <Button onClick={onDone}>{t("common:done")}</Button>
      </div>
    );
  const download = () =>
    saveFile(
      new Blob([credentialFile(deviceId, credentials)], { type: "application/json" }),
      `${deviceId}.json`,
    );
  return (
    <div className={css.form}>
      <Notice icon="alert" tone="warn" title={t("once")}>
        {t("onceHint")}
      </Notice>
      {note && (
        <p className={css.error} role="alert">
          {note}
        </p>
      )}
      <QrCode
        text={credentialCode(deviceId, credentials)}
        label={t("qr", { device: deviceId })}
        ecc="L"
        className={admin.qr}
      />
      <p className="soft">{t("qrHint")}</p>
      <SecretList
        entries={credentialEntries(credentials).map(([id, value]) => ({ id, name: t(id), value }))}
      />
      <Button variant="default" leftSection={<Icon name="download" size={18} />} onClick={download}>
        {t("download")}
      </Button>
      <Button onClick={onDone}>{t("common:done")}</Button>
    </div>
  );
}
