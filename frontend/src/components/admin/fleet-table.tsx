import { Link } from "wouter";
import type { FleetRow, FleetSort, Order } from "../../lib/fleet";
import { power } from "../../lib/format";
import { useLive, usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { DeviceState } from "../device-state";
import css from "./admin.module.css";
import { type Column, VirtualTable } from "./virtual-table";
import "../../text/manage";

interface FleetTableProps {
  rows: readonly FleetRow[];
  mains: readonly string[];
  order: Order<FleetSort>;
  onOrder: (order: Order<FleetSort>) => void;
  more: boolean;
}

function Watts({ row }: { row: FleetRow }) {
  const { locale } = usePlace();
  const live = useLive(row.device.device_id);
  if (row.watts === null) return "—";
  const { value, unit } = power(live?.reading.power_w ?? row.watts, locale);
  return `${value} ${unit}`;
}

export function FleetTable({ rows, mains, order, onOrder, more }: FleetTableProps) {
  const { t } = useText("fleet");
  const columns: Column<FleetRow, FleetSort | "manage">[] = [
    {
      key: "name",
      label: t("meter"),
      sorts: true,
      cell: ({ device: { device_id, name } }) => (
        <>
          <Link href={`/meters/${device_id}`}>{name ?? device_id}</Link>
          {mains.includes(device_id) && <span className={css.tag}>{t("mainTag")}</span>}
          {name && <small>{device_id}</small>}
        </>
      ),
    },
    {
      key: "state",
      label: t("state"),
      sorts: true,
      cell: ({ device, state }) =>
        state === "disabled" || state === "revoked" ? (
          <span className={css.tag} data-tone="bad">
            {t(`states.${state}`)}
          </span>
        ) : (
          <DeviceState device={device} />
        ),
    },
    { key: "power", label: t("power"), sorts: true, end: true, cell: (row) => <Watts row={row} /> },
    { key: "owner", label: t("owner"), sorts: true, on: "wide", cell: ({ device }) => device.owner ?? "—" },
    {
      key: "tariff",
      label: t("tariff"),
      sorts: true,
      on: "widest",
      cell: ({ device }) => device.tariff ?? "—",
    },
    {
      key: "manage",
      label: t("manage"),
      end: true,
      on: "wide",
      cell: ({ device: { device_id, name } }) => (
        <Link href={`/devices/${device_id}`} aria-label={t("manageOne", { name: name ?? device_id })}>
          {t("manage")}
        </Link>
      ),
    },
  ];
  return (
    <VirtualTable
      name={t("title")}
      columns={columns}
      rows={rows}
      keyOf={({ device }) => device.device_id}
      order={order}
      onOrder={onOrder}
      more={more}
    />
  );
}
