import { useEffect } from "react";
import { useDevices } from "../api/queries";
import { writeLast } from "../first/last";
import { usePlace } from "../lib/hooks";
import { seenMs, statusOf } from "../live/device";
import { getLive } from "../live/store";

const EVERY_MS = 15_000;

/** Keeps what a resident's one meter said last, for the next visit to begin with (begin.ts). */
export function KeepLast() {
  const { name, currency } = usePlace();
  const { devices, hasNextPage } = useDevices();
  const [device] = devices ?? [];
  const only = device && devices?.length === 1 && !hasNextPage ? device : null;
  useEffect(() => {
    const keep = () => {
      const live = only ? getLive(only.device_id) : undefined;
      if (!only || !live) return;
      const { device_id, name: called, tariff } = only;
      const at = seenMs(only, live);
      const last_seen = at === null ? null : new Date(at).toISOString();
      const device = { device_id, name: called, tariff, status: statusOf(only, live), last_seen };
      writeLast({ device, reading: live.reading, site: { name, currency } });
    };
    keep();
    const timer = setInterval(keep, EVERY_MS);
    window.addEventListener("pagehide", keep);
    return () => {
      clearInterval(timer);
      window.removeEventListener("pagehide", keep);
    };
  }, [only, name, currency]);
  return null;
}
