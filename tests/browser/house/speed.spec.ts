import { join } from "node:path";
import { chromium, expect, test } from "@playwright/test";
import { live } from "../fixtures.ts";
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

interface Waits {
  /** Until there is a figure at all, and until it is the present one. */
  figure: number;
  present: number;
}

/** `back`: the program is in the cache and the last values are in the storage; otherwise there is the cookie alone. */
async function wait(back: boolean): Promise<Waits> {
  const context = await chromium.launchPersistentContext(await profile(true), {
    executablePath: target.chromium,
    args: ["--no-sandbox", "--disable-gpu"],
    viewport: { width: 390, height: 844 },
    serviceWorkers: back ? "allow" : "block",
  });
  const page = await context.newPage();
  if (back) {
    await page.goto(`${target.url}/`);
    await live(page).waitFor();
    await page.evaluate(() => navigator.serviceWorker.ready);
  }
  const client = await context.newCDPSession(page);
  await client.send("Network.enable");
  if (!back) await client.send("Network.clearBrowserCache");
  // DevTools' "Fast 4G" and a processor four times slower.
  await client.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 165,
    downloadThroughput: 1_012_500,
    uploadThroughput: 168_750,
  });
  await client.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await page.addInitScript((keep) => {
    if (!keep && window === window.top) localStorage.removeItem("smartmeter-last");
    const seen = new Set<string>();
    const once = (name: string) => {
      if (seen.has(name)) return;
      seen.add(name);
      requestAnimationFrame(() => performance.mark(name));
    };
    const watch = new MutationObserver(() => {
      const watts = document.querySelector('[data-testid="watts"]')?.textContent ?? "";
      if (!/\d/.test(watts)) return;
      once("figure");
      if (document.querySelector(':is(article, [data-heard="true"]) [data-testid="watts"]')) once("present");
    });
    watch.observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
  }, back);
  await page.goto(`${target.url}/`);
  await page.waitForFunction(() => performance.getEntriesByName("present").length > 0);
  const at = (name: string) =>
    page.evaluate((mark) => Math.round(performance.getEntriesByName(mark)[0]?.startTime ?? Number.NaN), name);
  const waits = { figure: await at("figure"), present: await at("present") };
  await context.close();
  return waits;
}

for (const back of [false, true])
  test(`how long a phone waits for the first useful figure, ${back ? "coming back" : "with nothing kept"}`, async () => {
    test.setTimeout(120_000);
    const waits: Waits[] = [];
    for (let run = 0; run < RUNS; run++) waits.push(await wait(back));
    console.log(
      `first useful figure on a phone (fast 4G, a quarter of this processor), ${back ? "coming back" : "with nothing kept"}:`,
      `${waits.map(({ figure }) => figure).join(", ")} ms; the present one: ${waits.map(({ present }) => present).join(", ")} ms`,
    );
  });
