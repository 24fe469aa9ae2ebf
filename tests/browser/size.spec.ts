import { gzipSync } from "node:zlib";
import type { Page } from "@playwright/test";
import { card, expect, live, signIn, test } from "./fixtures.ts";

/** Of JavaScript, gzipped, until the first screen is there. */
const MOST_BYTES = 250_000;

/** Counts every script that the page loads, as gzip makes it. */
function weigh(page: Page): () => Promise<number> {
  const sizes: Promise<number>[] = [];
  page.on("response", (answer) => {
    if (new URL(answer.url()).pathname.endsWith(".js"))
      sizes.push(answer.body().then((body) => gzipSync(body, { level: 9 }).length));
  });
  return async () => (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

for (const locale of ["en-IN", "hi-IN"])
  test.describe(locale, () => {
    // The service worker fetches all the rest, later.
    test.use({ locale, serviceWorkers: "block" });

    test("the first screen takes less than 250 KB of JavaScript", async ({ page }, { annotations }) => {
      const weight = weigh(page);
      await page.goto("/");
      await signIn(page);
      await expect(card(page)).toBeVisible();
      await expect(live(page)).toBeVisible();
      const bytes = await weight();
      annotations.push({ type: "bytes", description: String(bytes) });
      console.log(`${locale}: ${bytes} bytes`);
      expect(bytes).toBeGreaterThan(50_000);
      expect(bytes).toBeLessThan(MOST_BYTES);
    });
  });
