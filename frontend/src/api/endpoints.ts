import { DEVICES, SITE } from "../first/keys";
import { rfc3339 } from "../lib/zone";
import { ApiError, type Call, send, sendForFile } from "./http";
import { getToken, renew } from "./session";
import type {
  AggregateReadings,
  AlertPage,
  Bill,
  Bucket,
  ComingTariff,
  CreatedDevice,
  DevicePage,
  DisputeDetail,
  DisputePage,
  EntryPage,
  Explanation,
  InvoiceDetail,
  InvoicePage,
  NewDevice,
  Person,
  ProfilePatch,
  RejectPage,
  SessionPage,
  Site,
  TariffPage,
} from "./types";

/** With the session's token; one that has ended is renewed once, and the request made again. */
export async function authorized<T>(call: Call, go: (call: Call) => Promise<T> = send): Promise<T> {
  const token = getToken();
  try {
    return await go({ ...call, token });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    // Somebody else may have renewed it while this request was under way.
    if (getToken() === token) await renew();
    return await go({ ...call, token: getToken() });
  }
}

type Signal = AbortSignal | undefined;

const inPath = encodeURIComponent;

export function getSite(signal?: Signal): Promise<Site> {
  return send({ path: SITE, signal });
}

export function redeemLink(body: { token: string; password: string }): Promise<void> {
  return send({ method: "POST", path: "/api/auth/redeem", body });
}

export function changePassword(body: { current: string; new: string }): Promise<void> {
  return authorized({ method: "POST", path: "/api/me/password", body });
}

export function updateMe(body: ProfilePatch): Promise<Person> {
  return authorized({ method: "PATCH", path: "/api/me", body });
}

export function listSessions(signal?: Signal): Promise<SessionPage> {
  return authorized({ path: "/api/me/sessions", signal });
}

export function endSession(id: string): Promise<void> {
  return authorized({ method: "DELETE", path: `/api/me/sessions/${inPath(id)}` });
}

export function listDevices(cursor: string | undefined, limit: number, signal?: Signal): Promise<DevicePage> {
  return authorized({ path: DEVICES, query: { limit, cursor }, signal });
}

export function createDevice(body: NewDevice): Promise<CreatedDevice> {
  return authorized({ method: "POST", path: "/api/devices", body });
}

/** Of alerts; `unended` are both `open` and `acknowledged`. */
export interface AlertQuery {
  state?: "open" | "acknowledged" | "unended" | "ended";
  kind?: string;
  device?: string;
}

export function listAlerts(
  query: AlertQuery,
  cursor: string | undefined,
  limit: number,
  signal?: Signal,
): Promise<AlertPage> {
  return authorized({ path: "/api/alerts", query: { ...query, order: "newest", limit, cursor }, signal });
}

export function listAggregates(
  id: string,
  agg: Bucket,
  fromMs: number,
  toMs: number,
  signal?: Signal,
): Promise<AggregateReadings> {
  const query = { agg, from: rfc3339(fromMs), to: rfc3339(toMs) };
  return authorized({ path: `/api/devices/${inPath(id)}/readings`, query, signal });
}

export function getBill(id: string, month: string, signal?: Signal): Promise<Bill> {
  return authorized({ path: `/api/billing/${inPath(id)}`, query: { month }, signal });
}

export function getExplanation(id: string, month: string, signal?: Signal): Promise<Explanation> {
  return authorized({ path: `/api/billing/${inPath(id)}/explain`, query: { month }, signal });
}

export function getComing(id: string, signal?: Signal): Promise<ComingTariff> {
  return authorized({ path: `/api/billing/${inPath(id)}/coming`, signal });
}

export function getInvoice(id: string, number: string, signal?: Signal): Promise<InvoiceDetail> {
  return authorized({ path: `/api/invoices/${inPath(id)}/${inPath(number)}`, signal });
}

export function disputeInvoice(id: string, number: string, text: string): Promise<DisputeDetail> {
  const path = `/api/invoices/${inPath(id)}/${inPath(number)}/dispute`;
  return authorized({ method: "POST", path, body: { text } });
}

export function listDisputes(cursor: string | undefined, signal?: Signal): Promise<DisputePage> {
  return authorized({ path: "/api/disputes", query: { limit: 100, cursor }, signal });
}

export function listEntries(
  account: string,
  cursor: string | undefined,
  signal?: Signal,
): Promise<EntryPage> {
  const path = `/api/accounts/${inPath(account)}/entries`;
  return authorized({ path, query: { limit: 500, cursor }, signal });
}

export function listInvoices(id: string, cursor: string | undefined, signal?: Signal): Promise<InvoicePage> {
  return authorized({ path: `/api/invoices/${inPath(id)}`, query: { limit: 100, cursor }, signal });
}

export function getInvoicePdf(id: string, number: string): Promise<Blob> {
  return authorized({ path: `/api/invoices/${inPath(id)}/${inPath(number)}.pdf` }, sendForFile);
}

export function listTariffs(cursor: string | undefined, signal?: Signal): Promise<TariffPage> {
  return authorized({ path: "/api/tariffs", query: { limit: 200, cursor }, signal });
}

export function listRejects(
  fromMs: number,
  cursor: string | undefined,
  signal?: Signal,
): Promise<RejectPage> {
  return authorized({ path: "/api/rejects", query: { from: rfc3339(fromMs), limit: 500, cursor }, signal });
}
