import { expect, live, signIn } from "./fixtures.ts";
import { judgeIn } from "./judge.ts";
import { lastMonth, test } from "./office-server.ts";
import { target } from "./target.ts";
import { looks, sizes, word } from "./words.ts";

for (const { size, schemes, language } of looks)
  test.describe(`the office, ${size}, ${schemes.join(" and ")}, ${language}`, () => {
    test.use({
      viewport: sizes[size],
      colorScheme: schemes[0],
      locale: `${language}-IN`,
      contextOptions: { reducedMotion: "reduce" },
    });

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
        ["open-account", "/accounts", "ledger.add"],
        ["account", `/accounts/${account_id}`],
        ["utility", "/utility"],
        ["enter-utility", "/utility", "utility.add"],
      ];
      await page.goto("/tariffs");
      await signIn(page, target.adminPassword, target.adminEmail);
      await expect(live(page)).toBeVisible();
      for (const [name, path, open] of pages) {
        await page.goto(path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await expect(page.locator(".mantine-Skeleton-root, .mantine-Loader-root")).toHaveCount(0);
        if (open) {
          await page.getByRole("button", { name: word(language, open), exact: true }).click();
          await expect(page.getByRole("dialog")).toBeVisible();
        }
        await judgeIn(page, schemes, (scheme) => `${name}-${size}-${scheme}-${language}`);
      }
    });
  });
