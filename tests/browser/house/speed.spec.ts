import { join } from "node:path";
import { chromium, expect, test } from "@playwright/test";
import { target } from "../target.ts";
import { inspect, losses, profile, type Report, score, screens } from "./lighthouse.ts";

/**
 * Scored by scripts/ci/lighthouse and by no test, as time belongs to the machine: the middle one of a few runs, each of
 * which Lighthouse computes for a phone on a slow line from what it has seen here.
 */
const LEAST = 95;
const RUNS = 3;
const folder = process.env.SMARTMETER_LIGHTHOUSE_OUTPUT ?? target.outputDir;

const ms = (report: Report, audit: string) => Math.round(report.audits[audit]?.numericValue ?? Number.NaN);

for (const [name, signedIn] of Object.entries(screens))
  test(`the ${name} screen is fast`, async () => {
    test.setTimeout(600_000);
    const reports: Report[] = [];
    for (let run = 1; run <= RUNS; run++)
      reports.push(
        await inspect(
          signedIn,
          ["performance", "accessibility", "best-practices"],
          join(folder, `${name}-${run}`),
        ),
      );
    reports.sort((a, b) => score(a, "performance") - score(b, "performance"));
    const middle = reports[Math.floor(RUNS / 2)];
    if (!middle) throw new Error("no run");
    console.log(
      `lighthouse, ${name}: performance ${reports.map((report) => score(report, "performance")).join(" ")},`,
      `accessibility ${score(middle, "accessibility")}, best practices ${score(middle, "best-practices")};`,
      `first paint ${ms(middle, "first-contentful-paint")} ms, largest ${ms(middle, "largest-contentful-paint")} ms,`,
      `blocked ${ms(middle, "total-blocking-time")} ms, index ${ms(middle, "speed-index")} ms,`,
      `shift ${(middle.audits["cumulative-layout-shift"]?.numericValue ?? Number.NaN).toFixed(3)}`,
    );
    for (const category of ["performance", "accessibility", "best-practices"] as const)
      expect.soft(score(middle, category), losses(middle, category).join("\n")).toBeGreaterThanOrEqual(LEAST);
  });

test("how long a phone waits for the first useful figure", async () => {
  test.setTimeout(120_000);
  const waits: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const context = await chromium.launchPersistentContext(await profile(true), {
      executablePath: target.chromium,
      args: ["--no-sandbox", "--disable-gpu"],
      viewport: { width: 390, height: 844 },
      serviceWorkers: "block",
    });
    const page = await context.newPage();
    const client = await context.newCDPSession(page);
    await client.send("Network.enable");
    await client.send("Network.clearBrowserCache");
    // DevTools' "Fast 4G" and a processor four times slower.
    await client.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 165,
      downloadThroughput: 1_012_500,
      uploadThroughput: 168_750,
    });
    await client.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    await page.addInitScript(() => {
      const watch = new MutationObserver(() => {
        const watts = document.querySelector('[data-testid="watts"]')?.textContent ?? "";
        if (!/\d/.test(watts)) return;
        watch.disconnect();
        requestAnimationFrame(() => performance.mark("useful"));
      });
      watch.observe(document, { childList: true, subtree: true, characterData: true });
    });
    await page.goto(`${target.url}/`);
    await page.waitForFunction(() => performance.getEntriesByName("useful").length > 0);
    waits.push(
      await page.evaluate(() =>
        Math.round(performance.getEntriesByName("useful")[0]?.startTime ?? Number.NaN),
      ),
    );
    await context.close();
  }
  console.log(
    `first useful figure on a phone (fast 4G, a quarter of this processor): ${waits.join(", ")} ms`,
  );
});
