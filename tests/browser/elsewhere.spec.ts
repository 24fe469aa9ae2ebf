import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { card, expect, signIn, test } from "./fixtures.ts";
import { target } from "./target.ts";

const dist = join(__dirname, "../../frontend/dist");
const TYPES: Record<string, string> = {
  html: "text/html",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
  png: "image/png",
  webmanifest: "application/manifest+json",
};

/** A web server of its own with the built dashboard, which is told where the API is. */
async function host(port: number): Promise<{ origin: string; stop: () => void }> {
  const told = `<meta name="smartmeter-api" content="${target.url}"`;
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://x").pathname;
    const name = /\.\w+$/.test(path) ? path : "/index.html";
    const file = readFileSync(join(dist, name));
    response.setHeader("Content-Type", TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "text/plain");
    if (name !== "/index.html") response.end(file);
    else response.end(file.toString().replace('<meta name="smartmeter-api" content=""', told));
  });
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  const { port: taken } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${taken}`, stop: () => server.close() };
}

test("a dashboard hosted at an origin that the operator named works, live readings too", async ({ page }) => {
  const { origin, stop } = await host(Number(new URL(target.namedOrigin).port));
  expect(origin).toBe(target.namedOrigin);
  await page.goto(origin);
  await signIn(page);
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await expect(card(page)).toBeVisible();
  // The cookie alone signs in again.
  await page.reload();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  stop();
});

test.describe("at another origin", () => {
  test.use({ allowed: [/CORS|ERR_FAILED|Failed to load|403|WebSocket/] });

  test("it gets nothing, not even by the visitor's cookie", async ({ page }) => {
    await page.goto("/");
    await signIn(page);
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    const { origin, stop } = await host(0);
    await page.goto(origin);
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
    const seen = await page.evaluate(async (api) => {
      const asks = ["/api/site", "/api/devices", "/api/openapi.json"].map((path) => fetch(api + path));
      asks.push(fetch(`${api}/api/auth/refresh`, { method: "POST", credentials: "include" }));
      return (await Promise.allSettled(asks)).map(({ status }) => status);
    }, target.url);
    expect(seen).toEqual(["rejected", "rejected", "rejected", "rejected"]);
    stop();
  });
});
