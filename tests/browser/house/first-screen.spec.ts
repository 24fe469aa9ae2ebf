import type { Page, Request } from "@playwright/test";
import { expect, live, signIn, test } from "../fixtures.ts";
import { target } from "../target.ts";

/**
 * What makes the first screen fast, counted and not timed. Most of it is a limit with some room; more is
 * no mistake by itself, but somebody should have decided it.
 */
const MOST_BYTES = 260_000;
const MOST_REQUESTS = 24;
const MOST_SHIFT = 0.05;

test.use({ viewport: { width: 390, height: 844 }, serviceWorkers: "block" });

interface Loaded {
  requests: Request[];
  bytes: number;
}

/** Loads `/` as somebody who was here before, with nothing in the cache, until the meter's power is there. */
async function comeAgain(page: Page): Promise<Loaded> {
  await page.goto("/");
  await signIn(page);
  await expect(live(page)).toBeVisible();
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  await client.send("Network.clearBrowserCache");
  const requests: Request[] = [];
  let bytes = 0;
  page.on("request", (request) => requests.push(request));
  client.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto("/");
  await expect(page.getByTestId("watts")).toContainText("W");
  const loaded = { requests: [...requests], bytes };
  await expect(page.getByTestId("month").locator("dl")).toBeVisible();
  await page.waitForLoadState("networkidle");
  return loaded;
}

interface Shift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
  sources: { node: Element | null }[];
}

/** How much of what was there has moved without anybody having touched anything, and what. */
function shift(page: Page): Promise<{ sum: number; moved: string[] }> {
  return page.evaluate(
    () =>
      new Promise<{ sum: number; moved: string[] }>((resolve) => {
        new PerformanceObserver((list) => {
          const entries = (list.getEntries() as Shift[]).filter(({ hadRecentInput }) => !hadRecentInput);
          const moved = entries.flatMap(({ value, sources }) =>
            sources.map(
              ({ node }) => `${value.toFixed(3)} ${node?.outerHTML?.slice(0, 80) ?? node?.nodeName}`,
            ),
          );
          resolve({ sum: entries.reduce((sum, { value }) => sum + value, 0), moved });
        }).observe({ type: "layout-shift", buffered: true });
        // Without any, the observer is not called.
        setTimeout(() => resolve({ sum: 0, moved: [] }), 500);
      }),
  );
}

const at = (requests: Request[], part: string) =>
  requests.findIndex((request) => new URL(request.url()).pathname.startsWith(part));

test("a resident's power is there after few requests and few bytes, all from here", async ({ page }, {
  annotations,
}) => {
  const { requests, bytes } = await comeAgain(page);
  // The browser asks for the icon when and as often as it likes.
  const paths = requests
    .map((request) => new URL(request.url()).pathname)
    .filter((path) => path !== "/favicon.svg");
  annotations.push({ type: "loaded", description: `${paths.length} requests, ${bytes} bytes` });
  console.log(`first screen: ${paths.length} requests, ${bytes} bytes`);
  expect(
    requests.map((request) => new URL(request.url()).origin).filter((origin) => origin !== target.url),
  ).toEqual([]);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(MOST_BYTES);
  expect(paths.length, paths.join("\n")).toBeLessThanOrEqual(MOST_REQUESTS);
  expect(paths.filter((path) => /chart|history|bill-page|office|fleet/.test(path))).toEqual([]);
  // The page's own part and the session are asked for at once, not one after the other.
  expect(at(requests, "/assets/meter-")).toBeLessThan(at(requests, "/api/devices"));
});

test("each answer that the page has asked for early is taken, and nothing is asked twice", async ({
  page,
}) => {
  const { requests } = await comeAgain(page);
  const asked = requests.map((request) => `${request.method()} ${new URL(request.url()).pathname}`);
  for (const once of ["POST /api/auth/refresh", "GET /api/site", "GET /api/devices"])
    expect(asked.filter((one) => one === once)).toEqual([once]);
  // The way to them is gone with them: one of them has the session's token in it.
  expect(await page.evaluate(() => "smartmeterAsked" in window)).toBe(false);
});

test("a resident's figures are there before the program, and the last ones before the server", async ({
  page,
}) => {
  await page.goto("/");
  await signIn(page);
  await expect(live(page)).toBeVisible();
  const watts = page.getByTestId("watts");
  const shown = (await watts.textContent()) ?? "";
  expect(shown).toMatch(/\d/);
  // No program, no list of meters.
  await page.route(/\/assets\/.*\.js$/, () => undefined);
  await page.route("**/api/devices**", () => undefined);
  await page.goto("/", { waitUntil: "commit" });
  await expect(watts).toHaveText(shown);
  await expect(page.getByText("Not up to date")).toBeVisible();
  await page.unroute("**/api/devices**");
  await page.goto("/", { waitUntil: "commit" });
  await expect(page.getByText("Online")).toBeVisible();
  await expect(watts).toHaveText(shown);
  await page.unrouteAll();
  await page.goto("/");
  await expect(live(page)).toBeVisible();
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.locator('input[name="password"]')).toBeVisible();
  // What one person saw is not there for the next.
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toMatch(/smartmeter-last|reading/);
});

test("nothing of the first screen waits for what need not be waited for", async ({ page }) => {
  await comeAgain(page);
  const blocking = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(
        (entry) =>
          (entry as PerformanceResourceTiming & { renderBlockingStatus: string }).renderBlockingStatus ===
          "blocking",
      )
      .map(({ name }) => new URL(name).pathname.replace(/-[\w-]{8}\./, ".")),
  );
  // The first picture is in the page.
  expect(blocking).toEqual([]);
});

test("what is there stays where it is", async ({ page }) => {
  await comeAgain(page);
  const { sum, moved } = await shift(page);
  expect(sum, moved.join("\n")).toBeLessThan(MOST_SHIFT);
});

test("the login page stays where it is", async ({ page }) => {
  await page.goto("/");
  await expect(page.locator('input[name="password"]')).toBeVisible();
  await page.waitForLoadState("networkidle");
  const { sum, moved } = await shift(page);
  expect(sum, moved.join("\n")).toBeLessThan(MOST_SHIFT);
});
