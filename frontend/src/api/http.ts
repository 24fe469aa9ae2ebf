import { takeAsked } from "../first/asked";
import { observeServerDate } from "../lib/clock";
import { faultWords } from "../text/faults";
import type { Problem } from "./types";

/** The server could not be reached, or said no. `status` 0 is the former. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem | null;
  readonly retryAfterS: number | null;

  constructor(status: number, problem: Problem | null, retryAfterS: number | null) {
    super(
      problem?.detail ??
        problem?.title ??
        (status === 0 ? "The server can't be reached." : `Error ${status}`),
    );
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
    this.retryAfterS = retryAfterS;
  }

  /** Worth another try by itself, without anybody changing anything. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface Call {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  /** Instead of `body`: a file as text. */
  csv?: string;
  headers?: Record<string, string>;
  token?: string | null;
  signal?: AbortSignal | undefined;
}

function baseUrl(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="smartmeter-api"]')?.content;
  return (meta ?? "").replace(/\/$/, "");
}

export function apiUrl(path: string, query: Call["query"] = {}): string {
  const url = new URL(baseUrl() + path, window.location.origin);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url.toString();
}

async function problemOf(response: Response): Promise<Problem | null> {
  if (!response.headers.get("Content-Type")?.includes("json")) return null;
  try {
    const problem = (await response.json()) as Problem;
    const errors = problem.errors?.map((fault) => ({ ...fault, message: faultWords(fault.message) }));
    return errors ? { ...problem, errors } : problem;
  } catch {
    return null;
  }
}

/** One request and its answer, or an ApiError. */
async function exchange(call: Call, accept: string): Promise<Response> {
  const { method = "GET", path, query, body, csv, token, signal } = call;
  const headers: Record<string, string> = {
    ...call.headers,
    Accept: `${accept}, application/problem+json`,
  };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (csv !== undefined) headers["Content-Type"] = "text/csv; charset=utf-8";
  if (token) headers.Authorization = `Bearer ${token}`;
  let response: Response;
  try {
    const url = apiUrl(path, query);
    const go = () =>
      fetch(url, {
        method,
        headers,
        credentials: "include",
        body: csv ?? (body === undefined ? null : JSON.stringify(body)),
        signal: signal ?? null,
      });
    response = (await takeAsked(method, url)) ?? (await go());
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, null, null);
  }
  observeServerDate(response.headers.get("Date"));
  if (!response.ok) {
    const wait = Number(response.headers.get("Retry-After"));
    throw new ApiError(response.status, await problemOf(response), wait > 0 ? wait : null);
  }
  return response;
}

/** One request and its answer's JSON, or an ApiError. Knows nothing of sessions. */
export async function send<T>(call: Call): Promise<T> {
  const response = await exchange(call, "application/json");
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** The same for a file. */
export async function sendForFile(call: Call): Promise<Blob> {
  return (await exchange(call, "*/*")).blob();
}
