import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "@playwright/test";
import { live, signIn } from "../fixtures.ts";
import { target } from "../target.ts";

const run = promisify(execFile);
const program = join(__dirname, "../lighthouse/node_modules/lighthouse/cli/index.js");

export type Category = "performance" | "accessibility" | "best-practices";

interface Audit {
  id: string;
  title: string;
  score: number | null;
  scoreDisplayMode: string;
  numericValue?: number;
  displayValue?: string;
}

export interface Report {
  finalDisplayedUrl: string;
  categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
  audits: Record<string, Audit>;
  runtimeError?: { message: string };
}

export const screens = { login: false, resident: true };

/** On a busy machine Chromium begins to record a new page's events after its first ones: there is nothing to be scored then. */
const NOTHING_RECORDED = "NO_NAVSTART";
const ATTEMPTS = 3;

/** A folder for a browser that knows nothing yet, or has signed in before: with a cookie, and nothing in its cache that counts. */
export async function profile(signedIn: boolean): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "smartmeter-profile."));
  if (!signedIn) return folder;
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: target.chromium,
    args: ["--no-sandbox"],
    baseURL: target.url,
    serviceWorkers: "block",
  });
  const page = await context.newPage();
  await page.goto("/");
  await signIn(page);
  await live(page).waitFor();
  await context.close();
  return folder;
}

/**
 * Lighthouse on the first screen, as a phone on a slow line sees it. It drops what the browser
 * has loaded before, and leaves the report at `keep` where that is given.
 */
export async function inspect(signedIn: boolean, categories: Category[], keep?: string): Promise<Report> {
  const folder = await profile(signedIn);
  const out = keep ?? join(folder, "report");
  try {
    const flags = `--headless=new --no-sandbox --disable-dev-shm-usage --disable-gpu --user-data-dir=${folder}`;
    const look = () =>
      run(
        process.execPath,
        [
          program,
          `${target.url}/`,
          "--quiet",
          "--output=json",
          "--output=html",
          `--output-path=${out}`,
          `--only-categories=${categories.join(",")}`,
          `--chrome-flags=${flags}`,
        ],
        { env: { ...process.env, CHROME_PATH: target.chromium }, maxBuffer: 1 << 26 },
      );
    for (let attempt = 1; ; attempt++)
      try {
        await look();
        break;
      } catch (error) {
        if (attempt === ATTEMPTS || !String(error).includes(NOTHING_RECORDED)) throw error;
      }
    const report = JSON.parse(await readFile(`${out}.report.json`, "utf8")) as Report;
    if (report.runtimeError) throw new Error(report.runtimeError.message);
    return report;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function score(report: Report, category: Category): number {
  return Math.round(100 * (report.categories[category]?.score ?? 0));
}

/** The audits of a category that cost points. */
export function losses(report: Report, category: Category): string[] {
  const counted = report.categories[category]?.auditRefs.filter(({ weight }) => weight > 0) ?? [];
  return counted.flatMap(({ id }) => {
    const audit = report.audits[id];
    if (!audit || audit.score === null || audit.score === 1) return [];
    return [`${id} ${audit.score}: ${audit.title} ${audit.displayValue ?? ""}`.trim()];
  });
}
