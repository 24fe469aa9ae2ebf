import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { putReading } from "../live/store";
import {
  type AuditQuery,
  getAccount,
  getDevice,
  getLosses,
  getSettings,
  getUser,
  listAccounts,
  listAudit,
  listCredentials,
  listKeys,
  listReleaseMeters,
  listReleases,
  listUserSessions,
  listUsers,
  verifyAudit,
} from "./admin";
import { listDevices } from "./endpoints";
import { useAllPages } from "./queries";

const MINUTE = 60_000;
const FLEET_PAGE = 1000;
/** 20,000 rows: what a table in a browser is good for. The rest is asked for by a button. */
const PAGES = 20;
const AUDIT_PAGE = 100;

type Cursor = string | undefined;
const first = undefined as Cursor;
const nextOf = ({ next }: { next?: string | null }) => next ?? undefined;

/** Every meter of the site, page by page. */
export function useFleet() {
  const result = useInfiniteQuery({
    queryKey: ["devices", "fleet"],
    queryFn: async ({ pageParam, signal }) => {
      const page = await listDevices(pageParam, FLEET_PAGE, signal);
      for (const { last_reading } of page.devices) if (last_reading) putReading(last_reading);
      return page;
    },
    initialPageParam: first,
    getNextPageParam: nextOf,
    refetchInterval: 5 * MINUTE,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES);
  return { ...result, devices: result.data?.pages.flatMap((page) => page.devices) };
}

export function useDevice(id: string) {
  return useQuery({
    queryKey: ["devices", "one", id],
    queryFn: async ({ signal }) => {
      const device = await getDevice(id, signal);
      if (device.last_reading) putReading(device.last_reading);
      return device;
    },
    refetchInterval: MINUTE,
  });
}

export function useCredentials(id: string) {
  return useQuery({
    queryKey: ["credentials", id],
    queryFn: async ({ signal }) => (await listCredentials(id, signal)).credentials,
  });
}

export function useAccount(id: string | null | undefined) {
  return useQuery({
    queryKey: ["accounts", "one", id],
    enabled: Boolean(id),
    queryFn: ({ signal }) => getAccount(id ?? "", signal),
  });
}

export function useAccounts(enabled: boolean) {
  const result = useInfiniteQuery({
    queryKey: ["accounts", "all"],
    enabled,
    queryFn: ({ pageParam, signal }) => listAccounts(pageParam, signal),
    initialPageParam: first,
    getNextPageParam: nextOf,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES);
  return { ...result, accounts: result.data?.pages.flatMap((page) => page.accounts) };
}

/** Releases of firmware, the newest first: a rollout goes on by itself, so they are asked for again. */
export function useReleases() {
  const result = useInfiniteQuery({
    queryKey: ["firmware", "releases"],
    queryFn: ({ pageParam, signal }) => listReleases(pageParam, signal),
    initialPageParam: first,
    getNextPageParam: nextOf,
    refetchInterval: MINUTE,
  });
  return { ...result, releases: result.data?.pages.flatMap((page) => page.releases) };
}

export function useReleaseMeters(no: number) {
  const result = useInfiniteQuery({
    queryKey: ["firmware", "meters", no],
    queryFn: ({ pageParam, signal }) => listReleaseMeters(no, pageParam, signal),
    initialPageParam: first,
    getNextPageParam: nextOf,
  });
  return { ...result, meters: result.data?.pages.flatMap((page) => page.devices) };
}

export function useSettings() {
  return useQuery({ queryKey: ["settings"], queryFn: ({ signal }) => getSettings(signal) });
}

/** All registers of the site are read for it: seldom. */
export function useLosses(month: string) {
  return useQuery({
    queryKey: ["losses", month],
    queryFn: ({ signal }) => getLosses(month, signal),
    staleTime: 10 * MINUTE,
    placeholderData: keepPreviousData,
  });
}

/** `all`: to the last page, for who looks for somebody. Names and addresses are sealed, so that the server cannot search in them. */
export function usePeople(all = false) {
  const result = useInfiniteQuery({
    queryKey: ["people"],
    queryFn: ({ pageParam, signal }) => listUsers(pageParam, signal),
    initialPageParam: first,
    getNextPageParam: nextOf,
  });
  useAllPages(result, result.data?.pages.length ?? 0, all ? Number.POSITIVE_INFINITY : PAGES);
  return { ...result, people: result.data?.pages.flatMap((page) => page.users) };
}

export function usePerson(id: string) {
  return useQuery({ queryKey: ["people", id], queryFn: ({ signal }) => getUser(id, signal) });
}

export function useSessionsOf(id: string) {
  return useQuery({
    queryKey: ["people", id, "sessions"],
    queryFn: async ({ signal }) => (await listUserSessions(id, signal)).sessions,
  });
}

export function useKeys() {
  const result = useInfiniteQuery({
    queryKey: ["keys"],
    queryFn: ({ pageParam, signal }) => listKeys(pageParam, signal),
    initialPageParam: first,
    getNextPageParam: nextOf,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES);
  return { ...result, keys: result.data?.pages.flatMap((page) => page.keys) };
}

export function useAudit(query: AuditQuery) {
  const result = useInfiniteQuery({
    queryKey: ["audit", query],
    queryFn: ({ pageParam, signal }) => listAudit(query, pageParam, AUDIT_PAGE, signal),
    initialPageParam: first,
    getNextPageParam: nextOf,
    placeholderData: keepPreviousData,
  });
  return {
    ...result,
    entries: result.data?.pages.flatMap((page) => page.entries),
    chain: result.data?.pages.at(-1)?.chain,
  };
}

/** Only when somebody asks for it: the whole log is read. */
export function useAuditCheck() {
  return useQuery({
    queryKey: ["audit-check"],
    enabled: false,
    queryFn: async ({ signal }) => (await verifyAudit(signal)).chain,
  });
}
