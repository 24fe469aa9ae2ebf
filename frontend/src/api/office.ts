/** What admins do about money: one typed function an endpoint, as in endpoints.ts. */
import { authorized } from "./endpoints";
import { sendForFile } from "./http";
import type {
  Account,
  AccountImport,
  AccountPage,
  AccountPatch,
  Bill,
  BillException,
  BillingRun,
  BillingRunPage,
  DisputeDetail,
  DisputePage,
  Entry,
  EntryPage,
  ExceptionPage,
  FoundInvoicePage,
  InvoiceDetail,
  NewAccount,
  NewPayment,
  NewTariff,
  NewUtilityBill,
  PaymentImport,
  RebillEffects,
  RebillWork,
  TariffPreview,
  TariffPreviewRequest,
  TariffVersion,
  UtilityBillPage,
  UtilityRecovery,
} from "./types";

type Signal = AbortSignal | undefined;
type Cursor = string | undefined;

const inPath = encodeURIComponent;

// ---- tariffs ----

/** Which of the three it is, its members say: a version was added, effects are told, or it is still worked on. */
export type TariffAnswer = TariffVersion | RebillEffects | RebillWork;

export function addTariff(body: NewTariff, confirm?: string): Promise<TariffAnswer> {
  return authorized({ method: "POST", path: "/api/tariffs", query: { confirm }, body });
}

export function previewTariff(body: TariffPreviewRequest, cursor: Cursor): Promise<TariffPreview> {
  return authorized({ method: "POST", path: "/api/tariffs/preview", query: { limit: 100, cursor }, body });
}

// ---- billing runs ----

export function getBillingRun(signal?: Signal): Promise<BillingRun> {
  return authorized({ path: "/api/billing-run", signal });
}

export function beginBillingRun(body: { month: string; dry_run: boolean }): Promise<BillingRun> {
  return authorized({ method: "POST", path: "/api/billing-run", body });
}

export function listRunAccounts(look: 0 | 1, cursor: Cursor, signal?: Signal): Promise<BillingRunPage> {
  return authorized({ path: "/api/billing-run/accounts", query: { look, limit: 200, cursor }, signal });
}

// ---- invoices ----

export interface InvoiceSearch {
  month?: string;
  status?: string;
  kind?: string;
  account?: string;
  q?: string;
}

export function findInvoices(
  search: InvoiceSearch,
  cursor: Cursor,
  signal?: Signal,
): Promise<FoundInvoicePage> {
  return authorized({ path: "/api/invoices", query: { ...search, limit: 200, cursor }, signal });
}

export function getInvoice(device: string, number: string, signal?: Signal): Promise<InvoiceDetail> {
  return authorized({ path: `/api/invoices/${inPath(device)}/${inPath(number)}`, signal });
}

export function getMonthZip(month: string): Promise<Blob> {
  return authorized({ path: "/api/invoices.zip", query: { month } }, sendForFile);
}

export function creditInvoice(device: string, number: string, reason: string): Promise<InvoiceDetail> {
  const path = `/api/invoices/${inPath(device)}/${inPath(number)}/credit`;
  return authorized({ method: "POST", path, body: { reason } });
}

export function issueMonth(
  device: string,
  body: { month: string; account: string; reason?: string },
): Promise<InvoiceDetail> {
  return authorized({ method: "POST", path: `/api/invoices/${inPath(device)}`, body });
}

export function disputeInvoice(device: string, number: string, text: string): Promise<DisputeDetail> {
  const path = `/api/invoices/${inPath(device)}/${inPath(number)}/dispute`;
  return authorized({ method: "POST", path, body: { text } });
}

export function getBillOf(device: string, month: string, account: string, signal?: Signal): Promise<Bill> {
  return authorized({ path: `/api/billing/${inPath(device)}`, query: { month, account }, signal });
}

// ---- exceptions and disputes ----

export function listExceptions(cursor: Cursor, state?: string, signal?: Signal): Promise<ExceptionPage> {
  return authorized({ path: "/api/exceptions", query: { state, limit: 200, cursor }, signal });
}

export type Decision = "true_up" | "reissue" | "dismiss";

export function decideException(no: number, action: Decision, reason: string): Promise<BillException> {
  return authorized({ method: "POST", path: `/api/exceptions/${no}`, body: { action, reason } });
}

export function listDisputes(open: 0 | 1, cursor: Cursor, signal?: Signal): Promise<DisputePage> {
  return authorized({ path: "/api/disputes", query: { open, limit: 200, cursor }, signal });
}

export function resolveDispute(no: number, text: string): Promise<DisputeDetail> {
  return authorized({ method: "POST", path: `/api/disputes/${no}/resolve`, body: { text } });
}

// ---- accounts ----

export function listAccounts(cursor: Cursor, signal?: Signal): Promise<AccountPage> {
  return authorized({ path: "/api/accounts", query: { limit: 500, cursor }, signal });
}

export function getAccount(id: string, signal?: Signal): Promise<Account> {
  return authorized({ path: `/api/accounts/${inPath(id)}`, signal });
}

export function addAccount(body: NewAccount): Promise<Account> {
  return authorized({ method: "POST", path: "/api/accounts", body });
}

export function changeAccount(id: string, body: AccountPatch): Promise<Account> {
  return authorized({ method: "PATCH", path: `/api/accounts/${inPath(id)}`, body });
}

export function importAccounts(csv: string, dryRun: boolean): Promise<AccountImport> {
  return authorized({
    method: "POST",
    path: "/api/accounts/import",
    query: { dry_run: dryRun ? 1 : 0 },
    csv,
  });
}

export function listEntries(id: string, cursor: Cursor, signal?: Signal): Promise<EntryPage> {
  return authorized({ path: `/api/accounts/${inPath(id)}/entries`, query: { limit: 200, cursor }, signal });
}

/** `key` is made once for what a person typed, so that sending it again does not count it twice. */
export function recordPayment(id: string, body: NewPayment, key: string): Promise<Entry> {
  const path = `/api/accounts/${inPath(id)}/payments`;
  return authorized({ method: "POST", path, body, headers: { "Idempotency-Key": key } });
}

export function importPayments(csv: string, dryRun: boolean): Promise<PaymentImport> {
  return authorized({
    method: "POST",
    path: "/api/payments/import",
    query: { dry_run: dryRun ? 1 : 0 },
    csv,
  });
}

export function reverseEntry(id: string, no: number, reason: string): Promise<Entry> {
  const path = `/api/accounts/${inPath(id)}/entries/${no}/reverse`;
  return authorized({ method: "POST", path, body: { reason } });
}

// ---- suppliers' bills ----

export function listUtilityBills(cursor: Cursor, signal?: Signal): Promise<UtilityBillPage> {
  return authorized({ path: "/api/utility-bills", query: { limit: 200, cursor }, signal });
}

export function getUtilityBill(id: string, signal?: Signal): Promise<UtilityRecovery> {
  return authorized({ path: `/api/utility-bills/${inPath(id)}`, signal });
}

export function addUtilityBill(body: NewUtilityBill): Promise<UtilityRecovery> {
  return authorized({ method: "POST", path: "/api/utility-bills", body });
}

export function postUtilityBill(id: string): Promise<UtilityRecovery> {
  return authorized({ method: "POST", path: `/api/utility-bills/${inPath(id)}/post` });
}

export function stepUtilityBill(
  id: string,
  step: "reverse" | "cancel",
  reason: string,
): Promise<UtilityRecovery> {
  return authorized({ method: "POST", path: `/api/utility-bills/${inPath(id)}/${step}`, body: { reason } });
}
