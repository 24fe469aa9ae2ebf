import { expect } from "./fixtures.ts";
import { judge } from "./judge.ts";
import { lastMonth, openOffice, test } from "./office-server.ts";

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };
const schemes = ["light", "dark"] as const;

for (const [size, viewport] of Object.entries(sizes))
  for (const colorScheme of schemes)
    test.describe(`the office, ${size}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme, contextOptions: { reducedMotion: "reduce" } });

      test("its pages and dialogs are readable and fit", async ({ page, office }) => {
        test.setTimeout(180_000);
        const [invoice] = await office.invoices({ q: "off-001" });
        const { account_id } = await office.account("Block B-1");
        const pages: [name: string, path: string, open?: string][] = [
          ["tariff-edit", "/tariffs/edit?of=LT-1%20Domestic"],
          ["tariff-assign", "/tariffs/assign?name=LT-1%20Domestic"],
          ["billing", `/billing?month=${lastMonth}`],
          ["billing-invoices", `/billing/invoices?month=${invoice?.month}`],
          ["billing-invoice", `/billing/invoices/off-001/${invoice?.number}`],
          ["billing-corrections", "/billing/corrections"],
          ["billing-payments", "/billing/payments"],
          ["accounts", "/accounts"],
          ["open-account", "/accounts", "Open an account"],
          ["account", `/accounts/${account_id}`],
          ["utility", "/utility"],
          ["enter-utility", "/utility", "Enter a bill"],
        ];
        await openOffice(page, "/tariffs");
        for (const [name, path, open] of pages) {
          await page.goto(path);
          await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expect(page.getByLabel(/^Loading/)).toHaveCount(0);
          if (open) {
            await page.getByRole("button", { name: open, exact: true }).click();
            await expect(page.getByRole("dialog")).toBeVisible();
          }
          await judge(page, `${name}-${size}-${colorScheme}`);
        }
      });
    });
