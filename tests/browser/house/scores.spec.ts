import { expect, test } from "@playwright/test";
import { target } from "../target.ts";
import { inspect, losses, score, screens } from "./lighthouse.ts";

/** Of 100. What depends on how busy the machine is, is scored by scripts/ci/lighthouse. */
const LEAST = 95;
const categories = ["accessibility", "best-practices"] as const;

for (const [name, signedIn] of Object.entries(screens))
  test(`Lighthouse finds little to say of the ${name} screen`, async () => {
    test.setTimeout(180_000);
    const report = await inspect(signedIn, [...categories]);
    for (const category of categories) {
      expect.soft(score(report, category), losses(report, category).join("\n")).toBeGreaterThanOrEqual(LEAST);
    }
    // It has seen the page that was meant.
    expect(new URL(report.finalDisplayedUrl).pathname).toBe(signedIn ? `/meters/${target.device}` : "/");
  });
