import { readFile } from "node:fs/promises";
import type { Bill } from "../../frontend/src/api/types.ts";
import { energy } from "../../frontend/src/lib/format.ts";
import { formatMoney, formatRate } from "../../frontend/src/lib/money.ts";
import { addDays, dateOf, monthOf, rfc3339, startOfDay } from "../../frontend/src/lib/zone.ts";
import { card, expect, open, signIn, test } from "./fixtures.ts";
import { HistoryPage } from "./pages/history.ts";
import { publish } from "./server.ts";
import { target } from "./target.ts";

const LOCALE = "en-IN";

/** Hundredths, exactly: the amounts of a bill have two places. */
function hundredths(amount: string): bigint {
  expect(amount).toMatch(/^-?\d+\.\d\d$/);
  return BigInt(amount.replace(".", ""));
}

function sum(bill: Bill, wanted: (kind: string) => boolean): bigint {
  return bill.lines
    .filter(({ kind }) => wanted(kind))
    .reduce((total, { amount }) => total + hundredths(amount), 0n);
}

test("the page comes with a policy that allows no inline code or style", async ({ page }) => {
  const answer = await page.goto("/");
  const policy = answer?.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toContain("unsafe");
  await expect(page.getByRole("heading", { name: "Smartmeter" })).toBeVisible();
});

test.describe("a wrong password", () => {
  test.use({ allowed: [/Failed to load resource.*401/] });

  test("is refused in words, and the address stays", async ({ page }) => {
    await page.goto("/");
    await signIn(page, `${target.password}-not`);
    await expect(page.getByRole("alert")).toHaveText("This e-mail and password don't match.");
    await expect(page.getByLabel("E-mail")).toHaveValue(target.email);
    await signIn(page);
    await expect(card(page)).toBeVisible();
  });
});

test("an invoice is downloaded as PDF", async ({ page }) => {
  test.skip(!target.expectMonth, "EXPECT_MONTH names a month that is invoiced");
  await open(page, `/meters/${target.device}?month=${target.expectMonth}`);
  const download = page.waitForEvent("download");
  await page
    .getByRole("button", { name: /^Download .* as PDF$/ })
    .last()
    .click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^SM\d{4}-\d{6}\.pdf$/);
  const bytes = await readFile(await file.path());
  expect(bytes.subarray(0, 5).toString()).toBe("%PDF-");
});

test("a published reading moves the card", async ({ page, server }) => {
  await open(page, "/");
  const before = await server.lastReading();
  const watts = before?.power_w === 1234.56 ? 2345.67 : 1234.56;
  await publish(before, watts);
  const shown = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 }).format(watts);
  await expect(card(page).getByTestId("watts")).toHaveText(`${shown}W`);
  await expect(card(page)).toHaveAttribute("data-state", "online");
  await expect(card(page)).toContainText("231.5 V");
});

test("the connection comes back by itself, and readings with it", async ({ page, server }) => {
  let cut: (() => Promise<void>) | undefined;
  await page.routeWebSocket(/\/api\/live$/, (socket) => {
    socket.connectToServer();
    cut = () => socket.close({ code: 1012, reason: "restart" });
  });
  await open(page, "/");
  await cut?.();
  await expect(page.getByText("Reconnecting")).toBeVisible();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  const before = await server.lastReading();
  await publish(before, 777.4);
  await expect(card(page).getByTestId("watts")).toHaveText("777W");
});

test("the bill is what the server computed, and adds up", async ({ page, server }) => {
  const { timezone } = await server.site();
  const month = target.expectMonth ?? monthOf(dateOf(Date.now(), timezone));
  await page.goto(`/meters/${target.device}?month=${month}`);
  // The running month's bill grows with every reading: the page is held against the very answer it got.
  const asked = `/api/billing/${target.device}?month=${month}`;
  const answered = page.waitForResponse((answer) => answer.url().includes(asked));
  await signIn(page);
  const bill = (await (await answered).json()) as Bill;
  if (target.expectTotal) expect(bill.total).toBe(target.expectTotal);

  const money = (amount: string) => formatMoney(amount, bill.currency, LOCALE);
  const panel = page.getByTestId("bill");
  await expect(panel.getByTestId("total")).toHaveText(money(bill.total));
  await expect(panel.getByTestId("subtotal")).toHaveText(money(bill.subtotal));
  const rows = panel.locator("tbody tr[data-kind]");
  await expect(rows).toHaveCount(bill.lines.length);
  for (const { kind, name, unit, rate, amount } of bill.lines) {
    const row = rows
      .filter({ has: page.getByText(name, { exact: true }) })
      .filter({ hasText: money(amount) });
    await expect(row).toHaveAttribute("data-kind", kind);
    if (unit === "kWh") await expect(row).toContainText(formatRate(rate, bill.currency, LOCALE));
  }

  const charges = sum(bill, (kind) => kind !== "tax" && kind !== "rounding");
  expect(charges).toBe(hundredths(bill.subtotal));
  expect(sum(bill, (kind) => kind === "tax")).toBe(hundredths(bill.tax));
  expect(sum(bill, () => true)).toBe(hundredths(bill.total));
});

test("history is cut in the deployment's zone", async ({ page, server }) => {
  const { timezone } = await server.site();
  const yesterday = addDays(dateOf(Date.now(), timezone), -1);
  const bounds = [yesterday, addDays(yesterday, 1)].map((day) => rfc3339(startOfDay(day, timezone)));
  const { readings } = await server.buckets("1h", bounds[0] ?? "", bounds[1] ?? "");
  await open(page, HistoryPage.path(`?view=day&date=${yesterday}`));
  const history = new HistoryPage(page);
  if (readings.length === 0) {
    await expect(history.nothing).toBeVisible();
  } else {
    const used = readings.reduce((total, { energy_kwh }) => total + energy_kwh, 0);
    await expect(history.totals.getByText(energy(used, LOCALE), { exact: true })).toBeVisible();
    const filled = (await history.rows("Energy used")).filter({ hasNotText: "no data" });
    await expect(filled).toHaveCount(readings.length);
    const first = readings[0];
    // The bucket's own offset says what the clocks there showed.
    await expect(filled.first()).toContainText(first?.timestamp.slice(11, 16) ?? "");
  }
  await expect(history.region).toContainText(timezone);
  for (const view of ["Week", "Month", "Year"]) {
    await history.view(view);
    await expect(page).toHaveURL(new RegExp(`view=${view.toLowerCase()}`));
    await expect(history.chart("Energy used").or(history.nothing)).toBeVisible();
  }
});

test("a reload keeps the session, and signing out ends it", async ({ page }) => {
  await open(page, "/");
  await page.reload();
  await expect(card(page)).toBeVisible();
  // The access token is a JWT, and no storage that a script can read may hold it.
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  expect(stored).not.toMatch(/ey[\w-]+\.[\w-]+\./);
  await page.getByRole("button", { name: /^Account of/ }).click();
  const ended = page.waitForResponse((answer) => answer.url().endsWith("/api/auth/logout"));
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  expect((await ended).ok()).toBe(true);
  await page.reload();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("an address without a meter says so", async ({ page }) => {
  await open(page, "/meters/there-is-no-such-meter");
  await expect(page.getByText("There is no such meter here")).toBeVisible();
});
