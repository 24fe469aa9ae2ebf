import { Pagination } from "@mantine/core";
import { useState } from "react";
import type { FleetRow } from "../../lib/fleet";
import home from "../../pages/home.module.css";
import { useText } from "../../text/text";
import { MeterCard } from "../meter-card";

const CARDS = 24;

export function FleetCards({ rows }: { rows: readonly FleetRow[] }) {
  const { t } = useText("meter");
  const [page, setPage] = useState(1);
  const pages = Math.ceil(rows.length / CARDS);
  const shown = Math.min(page, Math.max(pages, 1));
  return (
    <>
      <div className={home.grid}>
        {rows.slice((shown - 1) * CARDS, shown * CARDS).map(({ device }) => (
          <MeterCard key={device.device_id} device={device} />
        ))}
      </div>
      {pages > 1 && (
        <div className={home.foot}>
          <Pagination
            total={pages}
            value={shown}
            onChange={(next) => {
              setPage(next);
              window.scrollTo({ top: 0 });
            }}
            getControlProps={(control) => ({ "aria-label": t(`control.${control}`) })}
            getItemProps={(number) => ({ "aria-label": t("page", { page: number }) })}
          />
        </div>
      )}
    </>
  );
}
