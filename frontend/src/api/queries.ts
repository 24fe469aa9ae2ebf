import {
  infiniteQueryOptions,
  keepPreviousData,
  QueryClient,
  queryOptions,
  type UseInfiniteQueryResult,
  useInfiniteQuery,
  useQuery,
} from "@tanstack/react-query";
import { useEffect } from "react";
import { DEVICES_PAGE } from "../first/keys";
import { serverNow } from "../lib/clock";
import type { Width } from "../lib/range";
import type { Span } from "../lib/viewport";
import { dateOf, type LocalMonth, startOfDay } from "../lib/zone";
import { getLive, putReading } from "../live/store";
import {
  getBill,
  getComing,
  getExplanation,
  getInvoice,
  getSite,
  listAggregates,
  listAlerts,
  listDevices,
  listDisputes,
  listEntries,
  listInvoices,
  listRejects,
  listSessions,
  listTariffs,
} from "./endpoints";
import { ApiError } from "./http";
import type { Device } from "./types";

const MINUTE = 60_000;
/** So many pages of meters come by themselves; a whole town asks first. */
const PAGES_UNASKED = 5;

function retryDelay(attempt: number, error: Error): number {
  const asked = error instanceof ApiError ? error.retryAfterS : null;
  return asked ? asked * 1000 : Math.min(8000, 500 * 2 ** attempt);
}

export function newQueryClient(): QueryClient {
  const retry = (count: number, error: Error) => count < 3 && error instanceof ApiError && error.passing;
  return new QueryClient({
    defaultOptions: { queries: { staleTime: MINUTE, retry, retryDelay, refetchOnWindowFocus: false } },
  });
}

/** Follows `next` to the end, or to a bound. */
export function useAllPages(result: UseInfiniteQueryResult, pages: number, bound: number): void {
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = result;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError && pages < bound) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage, pages, bound]);
}

const site = queryOptions({
  queryKey: ["site"],
  queryFn: ({ signal }) => getSite(signal),
  staleTime: Infinity,
});

/** Asks for the site while the session is still being renewed: nothing can be shown without either. */
export function askForSite(client: QueryClient): Promise<void> {
  return client.prefetchQuery(site);
}

export function useSite() {
  return useQuery(site);
}

const devices = infiniteQueryOptions({
  queryKey: ["devices"],
  queryFn: async ({ pageParam, signal }) => {
    const page = await listDevices(pageParam, DEVICES_PAGE, signal);
    for (const { last_reading } of page.devices) if (last_reading) putReading(last_reading);
    return page;
  },
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next ?? undefined,
});

/** Asks for the meters before the page that shows them is there. Gives the first page of them; nothing if they could not be had. */
export async function askForDevices(client: QueryClient): Promise<readonly Device[]> {
  await client.prefetchInfiniteQuery(devices);
  return client.getQueryData(devices.queryKey)?.pages[0]?.devices ?? [];
}

export function useDevices() {
  const result = useInfiniteQuery({ ...devices, refetchInterval: MINUTE });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES_UNASKED);
  return { ...result, devices: result.data?.pages.flatMap((page) => page.devices) };
}

/** So many are counted; of more it is said that they are more. */
export const ALERTS_COUNTED = 100;

/** What goes on and nobody has acknowledged: the bell's count. */
export function useOpenAlerts() {
  return useQuery({
    queryKey: ["alerts", "open"],
    queryFn: ({ signal }) => listAlerts({ state: "open" }, undefined, ALERTS_COUNTED, signal),
    refetchInterval: MINUTE,
  });
}

/** What was used since local midnight, with the register that this was true at. */
export function useToday(id: string, zone: string, enabled: boolean) {
  const date = dateOf(serverNow(), zone);
  return useQuery({
    queryKey: ["today", id, date],
    enabled,
    refetchInterval: 5 * MINUTE,
    queryFn: async ({ signal }) => {
      const register = getLive(id)?.reading.energy_kwh ?? null;
      const from = startOfDay(date, zone);
      const { readings } = await listAggregates(id, "1d", from, serverNow(), signal);
      return { used: readings[0]?.energy_kwh ?? 0, register };
    },
  });
}

/** The half hour before the page was opened; from there on live readings draw the line. */
export function useRecentPower(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ["recent", id],
    enabled,
    staleTime: 10 * MINUTE,
    queryFn: async ({ signal }) => {
      const { readings } = await listAggregates(id, "1m", serverNow() - 30 * MINUTE, serverNow(), signal);
      return readings.flatMap(({ timestamp, power_w_avg: watts }) =>
        watts === null ? [] : [{ at: Date.parse(timestamp), watts }],
      );
    },
  });
}

/** What was measured in a span, by buckets of a width; what was there before stands in while it loads. */
export function useHistory(id: string, { from, to }: Span, width: Width, enabled = true) {
  return useQuery({
    queryKey: ["history", id, width, from, to],
    enabled,
    placeholderData: keepPreviousData,
    refetchInterval: to > serverNow() ? MINUTE : false,
    // Names what the rows are of: of a placeholder that is another span, or another width.
    queryFn: async ({ signal }) => ({
      from,
      to,
      width,
      rows: (await listAggregates(id, width, from, to, signal)).readings,
    }),
  });
}

export function useBill(id: string, month: LocalMonth, running: boolean) {
  return useQuery({
    queryKey: ["bill", id, month],
    queryFn: ({ signal }) => getBill(id, month, signal),
    refetchInterval: running ? MINUTE : false,
  });
}

/** Asked for once somebody wants to know; the running month's goes with its bill. */
export function useExplanation(id: string, month: LocalMonth, enabled: boolean) {
  return useQuery({
    queryKey: ["explanation", id, month],
    enabled,
    queryFn: ({ signal }) => getExplanation(id, month, signal),
  });
}

export function useComing(id: string) {
  return useQuery({ queryKey: ["coming", id], queryFn: ({ signal }) => getComing(id, signal) });
}

export function useInvoice(id: string, number: string | undefined) {
  return useQuery({
    queryKey: ["invoice", id, number],
    enabled: number !== undefined,
    queryFn: ({ signal }) => getInvoice(id, number ?? "", signal),
  });
}

/** What an account owes, and what that came from. */
export function useEntries(account: string | null | undefined) {
  const result = useInfiniteQuery({
    queryKey: ["entries", account],
    enabled: typeof account === "string",
    queryFn: ({ pageParam, signal }) => listEntries(account ?? "", pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES_UNASKED);
  const [first] = result.data?.pages ?? [];
  return {
    ...result,
    balance: first && { amount: first.balance, currency: first.currency },
    entries: result.data?.pages.flatMap((page) => page.entries),
  };
}

export function useDisputes() {
  const result = useInfiniteQuery({
    queryKey: ["disputes"],
    queryFn: ({ pageParam, signal }) => listDisputes(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES_UNASKED);
  return { ...result, disputes: result.data?.pages.flatMap((page) => page.disputes) };
}

export function useInvoices(id: string) {
  const result = useInfiniteQuery({
    queryKey: ["invoices", id],
    queryFn: ({ pageParam, signal }) => listInvoices(id, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES_UNASKED);
  return { ...result, invoices: result.data?.pages.flatMap((page) => page.invoices) };
}

export function useTariffs() {
  const result = useInfiniteQuery({
    queryKey: ["tariffs"],
    queryFn: ({ pageParam, signal }) => listTariffs(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES_UNASKED);
  return { ...result, tariffs: result.data?.pages.flatMap((page) => page.tariffs) };
}

export function useSessions() {
  return useQuery({ queryKey: ["sessions"], queryFn: ({ signal }) => listSessions(signal), staleTime: 0 });
}

/** The tariff of accounts that have none of their own. */
export function useDefaultTariff(): { fallback: string | null } {
  const { data } = useTariffs();
  return { fallback: data?.pages[0]?.default ?? null };
}

export function useRejects(hours: number) {
  const result = useInfiniteQuery({
    queryKey: ["rejects", hours],
    queryFn: ({ pageParam, signal }) => listRejects(serverNow() - hours * 60 * MINUTE, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: MINUTE,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES_UNASKED);
  return { ...result, rejects: result.data?.pages.flatMap((page) => page.rejects) };
}
