import { defineConfig } from "@playwright/test";
import base from "../playwright.config.ts";
import { target } from "../target.ts";

/** What is looked at in the demo's house (house.sh), whose clock stands still. */
export default defineConfig({
  ...base,
  testDir: ".",
  testIgnore: [],
  // What people have, and Lighthouse looks with.
  use: { ...base.use, launchOptions: { ...base.use?.launchOptions, executablePath: target.chromium } },
  // One picture a page, whatever the machine: the fonts are pinned (fonts.conf), and the names say the rest.
  snapshotPathTemplate: "{testDir}/baselines/{arg}{ext}",
  // A new picture is made on purpose only.
  updateSnapshots: "none",
  projects: [
    {
      name: "looks",
      testMatch: ["visual.spec.ts", "first-screen.spec.ts", "scores.spec.ts"],
    },
    { name: "speed", testMatch: ["speed.spec.ts"] },
    { name: "pictures", testMatch: ["pictures.spec.ts"] },
  ],
});
