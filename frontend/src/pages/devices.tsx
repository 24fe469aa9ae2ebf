import { Button, Modal, Skeleton, Table, TextInput } from "@mantine/core";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { useDevices } from "../api/queries";
import type { CreatedDevice } from "../api/types";
import { AddDeviceForm } from "../components/add-device-form";
import { Credentials } from "../components/credentials";
import { DeviceState } from "../components/device-state";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import { matches, sortDevices } from "../lib/filter";
import { useTitle } from "../lib/hooks";
import { useText } from "../text/text";
import css from "./admin.module.css";

const ROWS = 100;

function AddDevice() {
  const { t } = useText("device");
  const [open, setOpen] = useState(false);
  const [created, setCreated] = useState<CreatedDevice | null>(null);
  const close = () => {
    setOpen(false);
    setCreated(null);
  };
  return (
    <>
      <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setOpen(true)}>
        {t("add")}
      </Button>
      {/* Locking the scroll would need a style element, which the policy forbids. */}
      <Modal
        opened={open}
        onClose={close}
        title={created ? t("added", { device: created.device_id }) : t("add")}
        lockScroll={false}
        // The password is gone with this window: a stray click must not close it.
        closeOnClickOutside={!created}
        closeButtonProps={{ "aria-label": t("common:close") }}
      >
        {created ? <Credentials device={created} onDone={close} /> : <AddDeviceForm onCreated={setCreated} />}
      </Modal>
    </>
  );
}

export default function DevicesPage() {
  const { t } = useText("device");
  useTitle(t("title"));
  const { devices, error, refetch } = useDevices();
  const [text, setText] = useState("");
  const found = useMemo(
    () => sortDevices(devices ?? []).filter((device) => matches(device, text)),
    [devices, text],
  );
  return (
    <>
      <div className={css.head}>
        <h1>{t("title")}</h1>
        <div className={css.tools}>
          <TextInput
            type="search"
            aria-label={t("filter")}
            placeholder={t("filterHint")}
            leftSection={<Icon name="search" size={18} />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <AddDevice />
        </div>
      </div>
      {error && !devices && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!devices && !error && <Skeleton height={320} radius={14} />}
      {devices?.length === 0 && (
        <Notice icon="meter" title={t("none")}>
          {t("noneHint")}
        </Notice>
      )}
      {found.length > 0 && (
        <div className={`panel ${css.scroll}`}>
          <Table className={css.table} verticalSpacing="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{t("device")}</Table.Th>
                <Table.Th scope="col">{t("owner")}</Table.Th>
                <Table.Th scope="col">{t("tariff")}</Table.Th>
                <Table.Th scope="col">{t("state")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.slice(0, ROWS).map((device) => (
                <Table.Tr key={device.device_id}>
                  <Table.Th scope="row">
                    <Link href={`/meters/${device.device_id}`}>{device.name ?? device.device_id}</Link>
                    {device.name && <small>{device.device_id}</small>}
                  </Table.Th>
                  <Table.Td>{device.owner ?? "—"}</Table.Td>
                  <Table.Td>{device.tariff ?? "—"}</Table.Td>
                  <Table.Td>
                    <DeviceState device={device} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {found.length > ROWS && <p className={css.more}>{t("shown", { shown: ROWS, all: found.length })}</p>}
      {devices && devices.length > 0 && found.length === 0 && (
        <Notice icon="search" title={t("noMatch", { text })} />
      )}
    </>
  );
}
