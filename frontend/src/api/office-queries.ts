/** The queries of the admin's screens about money. Their keys begin with what they are of, for invalidating. */
import {
  keepPreviousData,
  type QueryKey,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import {
  findInvoices,
  getAccount,
  getBillingRun,
  getInvoice,
  getUtilityBill,
  type InvoiceSearch,
  listAccounts,
  listDisputes,
  listEntries,
  listExceptions,
  listRunAccounts,
  listUtilityBills,
} from "./office";
import { useAllPages } from "./queries";

const SECOND = 1000;
/** A town's accounts come by themselves; more ask first. */
const PAGES = 20;

/** All pages of a list, up to a bound; `rows` are undefined until the first is there. */
function useList<P extends { next?: string | null }, R>(
  queryKey: QueryKey,
  page: (cursor: string | undefined, signal: AbortSignal) => Promise<P>,
  rowsOf: (page: P) => R[],
  enabled = true,
) {
  const result = useInfiniteQuery({
    queryKey,
    enabled,
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam, signal }) => page(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: P) => last.next ?? undefined,
  });
  useAllPages(result, result.data?.pages.length ?? 0, PAGES);
  return { ...result, rows: result.data?.pages.flatMap(rowsOf) };
}

export function useBillingRun() {
  return useQuery({
    queryKey: ["run"],
    queryFn: ({ signal }) => getBillingRun(signal),
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data?.state === "running" ? SECOND : false),
  });
}

/** `of` names the run: another one has other accounts. */
export function useRunAccounts(look: 0 | 1, of: string, enabled: boolean) {
  return useList(
    ["run-accounts", look, of],
    (cursor, signal) => listRunAccounts(look, cursor, signal),
    ({ accounts }) => accounts,
    enabled,
  );
}

export function useFoundInvoices(search: InvoiceSearch) {
  return useList(
    ["found-invoices", search],
    (cursor, signal) => findInvoices(search, cursor, signal),
    ({ invoices }) => invoices,
  );
}

export function useInvoice(device: string, number: string) {
  return useQuery({
    queryKey: ["invoice", device, number],
    queryFn: ({ signal }) => getInvoice(device, number, signal),
  });
}

export function useExceptions(state: string | undefined) {
  return useList(
    ["exceptions", state],
    (cursor, signal) => listExceptions(cursor, state, signal),
    ({ exceptions }) => exceptions,
  );
}

export function useDisputes(open: 0 | 1) {
  return useList(
    ["disputes", open],
    (cursor, signal) => listDisputes(open, cursor, signal),
    ({ disputes }) => disputes,
  );
}

export function useAccounts() {
  return useList(
    ["accounts"],
    (cursor, signal) => listAccounts(cursor, signal),
    ({ accounts }) => accounts,
  );
}

export function useAccount(id: string) {
  return useQuery({ queryKey: ["account", id], queryFn: ({ signal }) => getAccount(id, signal) });
}

export function useEntries(id: string) {
  return useList(
    ["entries", id],
    (cursor, signal) => listEntries(id, cursor, signal),
    ({ entries }) => entries,
  );
}

export function useUtilityBills() {
  return useList(
    ["utility-bills"],
    (cursor, signal) => listUtilityBills(cursor, signal),
    ({ utility_bills }) => utility_bills,
  );
}

export function useUtilityBill(id: string) {
  return useQuery({ queryKey: ["utility-bill", id], queryFn: ({ signal }) => getUtilityBill(id, signal) });
}

/** After money moved: all that shows some of it is asked for again. */
export function useMoneyMoved(): () => void {
  const client = useQueryClient();
  return () => {
    for (const first of [
      "run",
      "run-accounts",
      "found-invoices",
      "invoice",
      "invoices",
      "exceptions",
      "disputes",
      "accounts",
      "account",
      "entries",
      "utility-bills",
      "utility-bill",
    ])
      void client.invalidateQueries({ queryKey: [first] });
  };
}
