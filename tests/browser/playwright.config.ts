import { join } from "node:path";
import { defineConfig } from "@playwright/test";
import { target } from "./target.ts";

export default defineConfig({
  testDir: ".",
  // Those want another house (house/playwright.config.ts).
  testIgnore: "house/**",
  outputDir: target.outputDir,
  // The tests share one server and one account: side by side they would see each other's readings.
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [
    ["list"],
    [join(__dirname, "summary-reporter.ts")],
    ...(target.report ? ([["junit", { outputFile: target.report }]] as ["junit", object][]) : []),
  ],
  use: {
    baseURL: target.url,
    locale: "en-IN",
    // Not the deployment's zone: a page that used the browser's would be found out.
    timezoneId: "America/New_York",
    viewport: { width: 1440, height: 900 },
    browserName: "chromium",
    launchOptions: {
      executablePath: target.headless,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
