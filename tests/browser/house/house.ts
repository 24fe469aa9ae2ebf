import type { Page } from "@playwright/test";
import { test as base, expect, signIn } from "../fixtures.ts";
import { target } from "../target.ts";

const instant = process.env.SMARTMETER_HOUSE_INSTANT ?? "";

/** Pages whose clock stands where the house's does, in which nothing moves. */
export const test = base.extend<{ still: undefined }>({
  still: [
    async ({ page }, use) => {
      await page.clock.setFixedTime(new Date(instant));
      await use(undefined);
    },
    { auto: true },
  ],
});
test.use({ contextOptions: { reducedMotion: "reduce" }, serviceWorkers: "block" });

export { expect };

export type Who = "nobody" | "resident" | "admin";

/** Signed in as somebody, on a page that has all it asked for. */
export async function visit(page: Page, who: Who, path: string): Promise<void> {
  await page.goto(path);
  if (who === "resident") await signIn(page);
  if (who === "admin") await signIn(page, target.adminPassword, target.adminEmail);
  if (who !== "nobody") await expect(page.locator('output[data-phase="live"]')).toBeVisible();
  await settled(page);
}

/** Nothing is being loaded, and nothing stands in for what is. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator("main h1, main h2").first()).toBeVisible();
  await page.waitForLoadState("networkidle");
  await expect(page.locator(".mantine-Skeleton-root, [aria-busy=true], .mantine-Loader-root")).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready);
}

export const phone = { width: 390, height: 844 };
export const desktop = { width: 1280, height: 900 };
