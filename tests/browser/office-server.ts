import { type APIRequestContext, expect, type Page } from "@playwright/test";
import type { Account, FoundInvoice, Session } from "../../frontend/src/api/types.ts";
import { addMonths, dateOf, monthOf } from "../../frontend/src/lib/zone.ts";
import { test as base } from "./fixtures.ts";
import { target } from "./target.ts";

/** The API as the office asks it, to hold its pages against. */
export class OfficeServer {
  private constructor(
    private readonly request: APIRequestContext,
    private readonly token: string,
  ) {}

  static async signIn(request: APIRequestContext): Promise<OfficeServer> {
    const data = { email: target.adminEmail, password: target.adminPassword };
    const answer = await request.post("/api/auth/login", { data });
    expect(answer.status()).toBe(200);
    return new OfficeServer(request, ((await answer.json()) as Session).token);
  }

  private async get<T>(path: string, params: Record<string, string> = {}): Promise<T> {
    const headers = { Authorization: `Bearer ${this.token}` };
    const answer = await this.request.get(path, { headers, params });
    expect(answer.status(), path).toBe(200);
    return (await answer.json()) as T;
  }

  async invoices(params: Record<string, string>): Promise<FoundInvoice[]> {
    return (await this.get<{ invoices: FoundInvoice[] }>("/api/invoices", params)).invoices;
  }

  async account(place: string): Promise<Account> {
    const { accounts } = await this.get<{ accounts: Account[] }>("/api/accounts", { limit: "1000" });
    const found = accounts.find((account) => account.place === place);
    if (!found) throw new Error(`no account at ${place}`);
    return found;
  }
}

/** The last month that is over, and the one before it, where the deployment is. */
export const lastMonth = addMonths(monthOf(dateOf(Date.now(), "Asia/Kolkata")), -1);
export const monthBefore = addMonths(lastMonth, -1);

export const test = base.extend<{ office: OfficeServer }>({
  office: async ({ request }, use) => {
    base.skip(!target.adminEmail, "SMARTMETER_TEST_ADMIN_EMAIL names an administrator");
    await use(await OfficeServer.signIn(request));
  },
});

/** Signed in as an administrator, on a page. */
export async function openOffice(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByLabel("E-mail").fill(target.adminEmail ?? "");
  await page.getByLabel("Password", { exact: true }).fill(target.adminPassword ?? "");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: /^Loading/ })).toHaveCount(0);
}
