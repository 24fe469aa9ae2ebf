import { keepPreviousData, type QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { withAlert } from "../lib/alerts";
import { type AlertQuery, authorized, listAlerts } from "./endpoints";
import type { Alert, AlertLimits, AlertPage, NewNotifications, Notifications, Thresholds } from "./types";

/** Alerts beyond their count: none of it is in the first bundle. */
const PAGE = 50;

const inPath = encodeURIComponent;

export function acknowledgeAlert(id: number): Promise<Alert> {
  return authorized({ method: "POST", path: `/api/alerts/${id}/acknowledge` });
}

export function setThresholds(device: string, thresholds: AlertLimits): Promise<Thresholds> {
  return authorized({
    method: "PUT",
    path: `/api/devices/${inPath(device)}/thresholds`,
    body: { thresholds },
  });
}

export function setNotifications(body: NewNotifications): Promise<Notifications> {
  return authorized({ method: "PUT", path: "/api/me/notifications", body });
}

interface AlertPages {
  pages: AlertPage[];
  pageParams: unknown[];
}

/** The newest first, page by page. What comes in live is put into them by `putIntoLists`. */
export function useAlerts(query: AlertQuery) {
  const result = useInfiniteQuery({
    queryKey: ["alerts", "list", query],
    queryFn: ({ pageParam, signal }) => listAlerts(query, pageParam, PAGE, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    // While nobody looked, nothing was put into it.
    staleTime: 0,
  });
  return { ...result, alerts: result.data?.pages.flatMap((page) => page.alerts) };
}

/** Into every list that is there, without asking for its pages again. */
export function putIntoLists(client: QueryClient, alert: Alert): void {
  for (const [queryKey] of client.getQueriesData<AlertPages>({ queryKey: ["alerts", "list"] }))
    client.setQueryData<AlertPages>(
      queryKey,
      (data) => data && { ...data, pages: withAlert(data.pages, alert, queryKey[2] as AlertQuery) },
    );
}

export function useThresholds(device: string) {
  return useQuery({
    queryKey: ["thresholds", device],
    queryFn: ({ signal }): Promise<Thresholds> =>
      authorized({ path: `/api/devices/${inPath(device)}/thresholds`, signal }),
  });
}

export function useNotifications() {
  return useQuery({
    queryKey: ["notifications"],
    queryFn: ({ signal }): Promise<Notifications> => authorized({ path: "/api/me/notifications", signal }),
  });
}
