import { Button } from "@mantine/core";
import { useState } from "react";
import { revokeDevice, updateDevice, updateSettings } from "../../api/admin";
import { useSettings } from "../../api/admin-queries";
import type { EndedCredentials } from "../../api/admin-types";
import type { Device } from "../../api/types";
import { useText } from "../../text/text";
import { Notice } from "../notice";
import css from "./admin.module.css";
import { DeviceReplace } from "./device-replace";
import { ProblemLine, problemsOf } from "./problem";
import { TypedConfirm } from "./typed-confirm";
import { useChange } from "./use-change";
import "../../text/manage";

/** Main meter or not. */
export function DeviceMain({ id }: { id: string }) {
  const { t } = useText("device");
  const mains = useSettings().data?.main_meters;
  const is = mains?.includes(id) ?? false;
  const { change, busy, error } = useChange(
    () =>
      updateSettings({
        main_meters: is ? (mains ?? []).filter((one) => one !== id) : [...(mains ?? []), id],
      }),
    [["settings"], ["losses"]],
  );
  return (
    <section className={`panel ${css.card}`} aria-labelledby="device-main">
      <h2 id="device-main">{t("mainTitle")}</h2>
      <p className="soft">{t(is ? "isMain" : "isPart")}</p>
      <div className={css.form}>
        <ProblemLine text={problemsOf(error, []).rest} />
        <div>
          <Button
            variant="default"
            loading={busy}
            disabled={mains === undefined}
            onClick={() => change(undefined)}
          >
            {t(is ? "unmarkMain" : "markMain")}
          </Button>
        </div>
      </div>
    </section>
  );
}

/** What ends a meter, for a while or for good. */
export function DeviceEnd({ device }: { device: Device }) {
  const { t } = useText("device");
  const id = device.device_id;
  const [asking, setAsking] = useState(false);
  const [ended, setEnded] = useState<EndedCredentials | null>(null);
  const toggle = useChange(() => updateDevice(id, { disabled: !device.disabled }), [["devices"]]);
  const revoke = useChange(
    () => revokeDevice(id),
    [["devices"], ["credentials", id]],
    (result) => {
      setEnded(result);
      setAsking(false);
    },
  );
  return (
    <section className={`panel ${css.card} ${css.danger}`} aria-labelledby="device-end">
      <h2 id="device-end">{t("endTitle")}</h2>
      {ended?.note && (
        <Notice icon="alert" tone="warn" title={t("revokedNote")}>
          {ended.note}
        </Notice>
      )}
      {device.revoked ? (
        <p className="soft">{t("isRevoked")}</p>
      ) : (
        <>
          <ul className={css.list}>
            <li>
              <span className={css.grow}>{t("replaceWhy")}</span>
              <DeviceReplace device={device} />
            </li>
            <li>
              <span className={css.grow}>{t(device.disabled ? "enableWhy" : "disableWhy")}</span>
              <Button variant="default" loading={toggle.busy} onClick={() => toggle.change(undefined)}>
                {t(device.disabled ? "enable" : "disable")}
              </Button>
            </li>
            <li>
              <span className={css.grow}>{t("revokeWhy")}</span>
              <Button variant="default" color="red" onClick={() => setAsking(true)}>
                {t("revoke")}
              </Button>
            </li>
          </ul>
          <ProblemLine text={problemsOf(toggle.error, []).rest} />
        </>
      )}
      <TypedConfirm
        opened={asking}
        title={t("revokeTitle", { device: id })}
        word={id}
        action={t("revoke")}
        busy={revoke.busy}
        problem={problemsOf(revoke.error, []).rest}
        onConfirm={() => revoke.change(undefined)}
        onClose={() => setAsking(false)}
      >
        <ul className={css.reasons}>
          <li>{t("revokeRefuses")}</li>
          <li>{t("revokeCuts")}</li>
          <li>{t("revokeKeeps")}</li>
        </ul>
      </TypedConfirm>
    </section>
  );
}
