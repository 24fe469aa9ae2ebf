import type { Page } from "@playwright/test";
import { openAsAdmin, test } from "./admin-server.ts";
import { expect } from "./fixtures.ts";
import { judge } from "./judge.ts";
import { target } from "./target.ts";

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };
const schemes = ["light", "dark"] as const;

const heading = (page: Page) => expect(page.getByRole("heading", { level: 1 })).toBeVisible();
const pages: [name: string, path: string, open?: string][] = [
  ["fleet-cards", "/?view=cards"],
  ["fleet-table", "/?view=table"],
  ["add-device", "/?view=table", "Add a meter"],
  ["device", `/devices/${target.device}`],
  ["replace", `/devices/${target.device}`, "Replace the meter"],
  ["revoke", `/devices/${target.device}`, "Revoke"],
  ["alerts-all", "/alerts?state=all"],
  ["people", "/people"],
  ["add-person", "/people", "Add somebody"],
  ["keys", "/keys"],
  ["add-key", "/keys", "Make a key"],
  ["audit", "/audit"],
  ["rejects", "/rejects"],
  ["settings", "/settings"],
];

for (const [size, viewport] of Object.entries(sizes))
  for (const colorScheme of schemes)
    test.describe(`administration, ${size}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme, contextOptions: { reducedMotion: "reduce" } });

      test("the pages and their dialogs are readable and fit", async ({ page }) => {
        test.setTimeout(180_000);
        await openAsAdmin(page, "/");
        for (const [name, path, open] of pages) {
          await page.goto(path);
          await heading(page);
          await expect(page.getByRole("status", { name: /^Loading/ })).toHaveCount(0);
          if (open) {
            await page.getByRole("button", { name: open, exact: true }).click();
            await expect(page.getByRole("dialog")).toBeVisible();
          }
          await judge(page, `${name}-${size}-${colorScheme}`);
        }
      });
    });
