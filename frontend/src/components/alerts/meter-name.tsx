import { useQuery, useQueryClient } from "@tanstack/react-query";
import { authorized } from "../../api/endpoints";
import type { Alert, Device, DevicePage } from "../../api/types";
import { useText } from "../../text/text";

type Cached = { pages: DevicePage[] } | Device | undefined;

/** What to call the meter of an alert: by a list of meters that has been loaded, else it is asked for. Until then its id. */
function useMeterName(id: string | null): string | null {
  const client = useQueryClient();
  const known = client
    .getQueriesData<Cached>({ queryKey: ["devices"] })
    .flatMap(([, data]) =>
      data && "pages" in data ? data.pages.flatMap((page) => page.devices) : (data ?? []),
    )
    .find(({ device_id }) => device_id === id);
  const { data } = useQuery({
    queryKey: ["devices", "one", id],
    enabled: id !== null && known === undefined,
    queryFn: ({ signal }): Promise<Device> =>
      authorized({ path: `/api/devices/${encodeURIComponent(id ?? "")}`, signal }),
  });
  return known?.name ?? data?.name ?? id;
}

export function MeterName({ alert }: { alert: Alert }) {
  const { t } = useText("alerts");
  return useMeterName(alert.device_id) ?? t("site");
}
