import type { Page } from "@playwright/test";
import { card, expect, live, open, test } from "./fixtures.ts";
import { publish } from "./server.ts";

// What a browser says of each request that finds no network.
test.use({ allowed: [/ERR_INTERNET_DISCONNECTED|ERR_FAILED|WebSocket connection/] });

/** The paths that the service worker has kept. */
function kept(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const paths: string[] = [];
    for (const name of await caches.keys())
      for (const { url } of await (await caches.open(name)).keys()) paths.push(new URL(url).pathname);
    return paths;
  });
}

/** Until the worker has all that it keeps. */
async function installed(page: Page): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready);
}

test("it can be installed", async ({ page, request }) => {
  await page.goto("/");
  const href = await page.locator('link[rel="manifest"]').getAttribute("href");
  const answer = await request.get(href ?? "");
  expect(answer.headers()["content-type"]).toContain("application/manifest+json");
  const manifest = (await answer.json()) as { display: string; icons: { src: string; sizes: string }[] };
  expect(manifest.display).toBe("standalone");
  for (const { src, sizes } of manifest.icons) {
    const icon = await (await request.get(src)).body();
    // Width and height stand in the PNG's head.
    expect(`${icon.readUInt32BE(16)}x${icon.readUInt32BE(20)}`).toBe(sizes);
  }
});

test("without a network it says since when it knows nothing, and comes back by itself", async ({
  page,
  context,
  server,
}) => {
  await open(page, "/");
  await publish(await server.lastReading(), 612.4);
  await expect(card(page).getByTestId("watts")).toHaveText("612W");
  await expect(card(page)).toHaveAttribute("data-state", "online");
  await context.setOffline(true);
  await expect(
    page.getByText(/^You are offline\. What is shown is from \d\d:\d\d and may be old\.$/),
  ).toBeVisible();
  await expect(card(page)).toHaveAttribute("data-state", "unsure");
  await expect(card(page)).toContainText("Not up to date");
  // The value stays.
  await expect(card(page).getByTestId("watts")).toHaveText("612W");
  await context.setOffline(false);
  await expect(live(page)).toBeVisible();
  await expect(page.getByText(/may be old/)).toHaveCount(0);
  await expect(card(page)).toHaveAttribute("data-state", "online");
});

test("it starts without a network, and nothing of the API was kept", async ({ page, context }) => {
  await open(page, "/");
  await expect(card(page)).toBeVisible();
  await installed(page);
  const paths = await kept(page);
  expect(paths).toContain("/");
  expect(paths.filter((path) => path.startsWith("/assets/")).length).toBeGreaterThan(5);
  await context.setOffline(true);
  await page.reload();
  await expect(page.getByText("The server can't be reached")).toBeVisible();
  await context.setOffline(false);
  // Without a hand put to it.
  await expect(card(page)).toBeVisible();
  await page.goto("/tariffs");
  await expect(live(page)).toBeVisible();
  expect((await kept(page)).filter((path) => /^\/(api|healthz|readyz)/.test(path))).toEqual([]);
  const stored = await page.evaluate(async () => {
    const texts: string[] = [];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys())
        texts.push((await (await cache.match(request))?.text()) ?? "");
    }
    return texts.join("\n");
  });
  expect(stored).not.toMatch(/ey[\w-]{10,}\.[\w-]{10,}\./);
});
