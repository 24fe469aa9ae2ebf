import type { Page } from "@playwright/test";
import { test } from "./admin-server.ts";
import { expect, live, signIn } from "./fixtures.ts";
import { judgeIn } from "./judge.ts";
import { target } from "./target.ts";
import { looks, sizes, word } from "./words.ts";

const heading = (page: Page) => expect(page.getByRole("heading", { level: 1 })).toBeVisible();
const pages: [name: string, path: string, open?: string][] = [
  ["fleet-cards", "/?view=cards"],
  ["fleet-table", "/?view=table"],
  ["add-device", "/?view=table", "device.add"],
  ["device", `/devices/${target.device}`],
  ["replace", `/devices/${target.device}`, "device.replace"],
  ["revoke", `/devices/${target.device}`, "device.revoke"],
  ["alerts-all", "/alerts?state=all"],
  ["people", "/people"],
  ["add-person", "/people", "people.add"],
  ["keys", "/keys"],
  ["add-key", "/keys", "keys.add"],
  ["audit", "/audit"],
  ["rejects", "/rejects"],
  ["firmware", "/firmware"],
  ["settings", "/settings"],
];

for (const { size, schemes, language } of looks)
  test.describe(`administration, ${size}, ${schemes.join(" and ")}, ${language}`, () => {
    test.use({
      viewport: sizes[size],
      colorScheme: schemes[0],
      locale: `${language}-IN`,
      contextOptions: { reducedMotion: "reduce" },
    });

    test("the pages and their dialogs are readable and fit", async ({ page }) => {
      test.setTimeout(180_000);
      await page.goto("/");
      await signIn(page, target.adminPassword, target.adminEmail);
      await expect(live(page)).toBeVisible();
      for (const [name, path, open] of pages) {
        await page.goto(path);
        await heading(page);
        await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
        if (open) {
          await page.getByRole("button", { name: word(language, open), exact: true }).click();
          await expect(page.getByRole("dialog")).toBeVisible();
        }
        await judgeIn(page, schemes, (scheme) => `${name}-${size}-${scheme}-${language}`);
      }
    });
  });
