import { Skeleton } from "@mantine/core";
import { Link } from "wouter";
import { useDevice, useSettings } from "../api/admin-queries";
import { ApiError } from "../api/http";
import css from "../components/admin/admin.module.css";
import { DeviceDetails } from "../components/admin/device-details";
import { DeviceEnd, DeviceMain } from "../components/admin/device-end";
import { DeviceFirmware } from "../components/admin/device-firmware";
import { DeviceLogins } from "../components/admin/device-logins";
import { DeviceOwner } from "../components/admin/device-owner";
import { LimitsPart } from "../components/alerts/limits-part";
import { DeviceState } from "../components/device-state";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import { useTitle } from "../lib/hooks";
import { useText } from "../text/text";
import "../text/manage";

/** One meter, as its administrator has it: not what it measured. */
export default function DevicePage({ id }: { id: string }) {
  const { t } = useText("device");
  const { data: device, error, refetch } = useDevice(id);
  const mains = useSettings().data?.main_meters ?? [];
  useTitle(device?.name ?? id);
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <>
      <Link href="/devices" className={css.back}>
        <Icon name="back" size={18} /> {t("all")}
      </Link>
      {gone && (
        <Notice icon="empty" title={t("noSuch")}>
          {t("noSuchHint")}
        </Notice>
      )}
      {error && !gone && !device && (
        <Failure what={t("oneFailed")} error={error} onRetry={() => void refetch()} />
      )}
      {!device && !error && (
        <div role="status" aria-busy="true" aria-label={t("common:loading")} className={css.columns}>
          <Skeleton height={280} radius={14} />
          <Skeleton height={280} radius={14} />
        </div>
      )}
      {device && (
        <>
          <div className={css.head}>
            <div>
              <h1>
                {device.name ?? device.device_id}
                {mains.includes(id) && <span className={css.tag}>{t("mainTag")}</span>}
                {device.revoked ? (
                  <span className={css.tag} data-tone="bad">
                    {t("revokedTag")}
                  </span>
                ) : (
                  device.disabled && (
                    <span className={css.tag} data-tone="warn">
                      {t("disabledTag")}
                    </span>
                  )
                )}
              </h1>
              {device.name && <p className="soft">{device.device_id}</p>}
              <DeviceState device={device} />
            </div>
            <Link href={`/meters/${id}`}>{t("toReadings")}</Link>
          </div>
          <div className={css.columns}>
            <DeviceDetails device={device} />
            <DeviceOwner device={device} />
            <DeviceLogins id={id} revoked={device.revoked ?? false} />
            <DeviceFirmware device={device} />
            <DeviceMain id={id} />
            <DeviceEnd device={device} />
          </div>
          <LimitsPart id={id} />
        </>
      )}
    </>
  );
}
