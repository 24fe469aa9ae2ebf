import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { type APIRequestContext, expect, type Page } from "@playwright/test";
import type { Losses } from "../../frontend/src/api/admin-types.ts";
import type { Device, Session } from "../../frontend/src/api/types.ts";
import { test as base } from "./fixtures.ts";
import { target } from "./target.ts";

const run = promisify(execFile);

/** The API as an administrator asks it, to prepare what a page shows and to hold the page against. */
export class AdminServer {
  private constructor(
    readonly request: APIRequestContext,
    private readonly token: string,
  ) {}

  static async signIn(request: APIRequestContext): Promise<AdminServer> {
    const data = { email: target.adminEmail, password: target.adminPassword };
    const answer = await request.post("/api/auth/login", { data });
    expect(answer.status()).toBe(200);
    return new AdminServer(request, ((await answer.json()) as Session).token);
  }

  private get headers() {
    return { Authorization: `Bearer ${this.token}` };
  }

  async get<T>(path: string, params: Record<string, string> = {}): Promise<T> {
    const answer = await this.request.get(path, { headers: this.headers, params });
    expect(answer.status(), path).toBe(200);
    return (await answer.json()) as T;
  }

  async post<T>(path: string, data: object): Promise<T> {
    const answer = await this.request.post(path, { headers: this.headers, data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
    return (await answer.json()) as T;
  }

  async postCsv(path: string, data: string): Promise<void> {
    const headers = { ...this.headers, "Content-Type": "text/csv; charset=utf-8" };
    const answer = await this.request.post(path, { headers, data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  async put(path: string, data: object): Promise<void> {
    const answer = await this.request.put(path, { headers: this.headers, data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  async patch(path: string, data: object): Promise<void> {
    const answer = await this.request.patch(path, { headers: this.headers, data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  device(id: string): Promise<Device> {
    return this.get(`/api/devices/${id}`);
  }

  losses(month: string): Promise<Losses> {
    return this.get("/api/losses", { month });
  }
}

interface Fixtures {
  admin: AdminServer;
}

/** Tests of an administrator's pages; skipped where no administrator is named. */
export const test = base.extend<Fixtures>({
  admin: async ({ request }, use) => use(await AdminServer.signIn(request)),
});
test.skip(!target.adminEmail, "SMARTMETER_TEST_ADMIN_EMAIL is not set");

export async function openAsAdmin(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByLabel("E-mail").fill(target.adminEmail ?? "");
  await page.getByLabel("Password", { exact: true }).fill(target.adminPassword ?? "");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
}

export function reading(deviceId: string, kwh: number, watts = 460): string {
  const timestamp = new Date(Date.now() - 1000).toISOString();
  const current = Math.round((watts / 230) * 1000) / 1000;
  return JSON.stringify({
    device_id: deviceId,
    timestamp,
    voltage: 230,
    current,
    power_w: watts,
    energy_kwh: kwh,
  });
}

/** What a meter says at the anonymous listener. */
export async function say(deviceId: string, message: string): Promise<void> {
  const topic = `meters/${deviceId}/telemetry`;
  await run("mosquitto_pub", ["-p", target.mqttPort, "-q", "1", "-t", topic, "-m", message]);
}

export interface Login {
  host: string;
  port: string;
  username: string;
  password: string;
  ca: string;
}

/** The same over TLS with the login that was shown: whoever it does not let in makes this throw. */
export async function sayWith(
  deviceId: string,
  login: Login,
  caFile: string,
  message: string,
): Promise<void> {
  await writeFile(caFile, login.ca);
  const { host, port, username, password } = login;
  const who = ["-h", host, "-p", port, "-u", username, "-P", password, "--cafile", caFile, "-i", username];
  const topic = `meters/${deviceId}/telemetry`;
  await run("mosquitto_pub", [...who, "-q", "1", "-t", topic, "-m", message]);
}
