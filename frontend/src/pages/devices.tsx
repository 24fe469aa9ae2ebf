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
import css from "./admin.module.css";

const ROWS = 100;

function AddDevice() {
  const [open, setOpen] = useState(false);
  const [created, setCreated] = useState<CreatedDevice | null>(null);
  const close = () => {
    setOpen(false);
    setCreated(null);
  };
  return (
    <>
      <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setOpen(true)}>
        Add a device
      </Button>
      {/* Locking the scroll would need a style element, which the policy forbids. */}
      <Modal
        opened={open}
        onClose={close}
        title={created ? `${created.device_id} is added` : "Add a device"}
        lockScroll={false}
        // The password is gone with this window: a stray click must not close it.
        closeOnClickOutside={!created}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {created ? <Credentials device={created} onDone={close} /> : <AddDeviceForm onCreated={setCreated} />}
      </Modal>
    </>
  );
}

export default function DevicesPage() {
  useTitle("Devices");
  const { devices, error, refetch } = useDevices();
  const [text, setText] = useState("");
  const found = useMemo(
    () => sortDevices(devices ?? []).filter((device) => matches(device, text)),
    [devices, text],
  );
  return (
    <>
      <div className={css.head}>
        <h1>Devices</h1>
        <div className={css.tools}>
          <TextInput
            type="search"
            aria-label="Filter the devices"
            placeholder="Name, meter or owner"
            leftSection={<Icon name="search" size={18} />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <AddDevice />
        </div>
      </div>
      {error && !devices && (
        <Failure what="The devices could not be loaded" error={error} onRetry={() => void refetch()} />
      )}
      {!devices && !error && <Skeleton height={320} radius={14} />}
      {devices?.length === 0 && (
        <Notice icon="meter" title="No devices yet">
          Add the first one: its password is shown once, to be put into the meter.
        </Notice>
      )}
      {found.length > 0 && (
        <div className={`panel ${css.scroll}`}>
          <Table className={css.table} verticalSpacing="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Device</Table.Th>
                <Table.Th scope="col">Owner</Table.Th>
                <Table.Th scope="col">Tariff</Table.Th>
                <Table.Th scope="col">State</Table.Th>
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
      {found.length > ROWS && (
        <p className={css.more}>
          {ROWS} of {found.length} are shown. Filter to find others.
        </p>
      )}
      {devices && devices.length > 0 && found.length === 0 && (
        <Notice icon="search" title={`No device matches “${text}”`} />
      )}
    </>
  );
}
