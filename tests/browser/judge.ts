import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import { target } from "./target.ts";

declare const axe: {
  run: (options: object) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
};

const axeSource = readFileSync(join(__dirname, "../../frontend/node_modules/axe-core/axe.min.js"), "utf8");

export type Scheme = "light" | "dark";
export type Schemes = readonly [Scheme, ...Scheme[]];

/** A page is readable for everybody, and no wider than the screen; a picture of it is kept where that is wanted. */
export async function judge(page: Page, name: string): Promise<void> {
  await page.evaluate(axeSource);
  // What a finger has to hit is no part of what axe looks at by itself.
  const options = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };
  const { violations } = await page.evaluate((asked) => axe.run(asked), options);
  const barriers = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`),
  );
  expect(barriers, name).toEqual([]);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(beyond, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
  if (target.screenshots)
    await page.screenshot({ path: join(target.screenshots, `${name}.png`), fullPage: true });
}

/** Colours that are inherited change from the outside in, a frame each, without movement too. */
async function still(): Promise<void> {
  for (let frames = 0; frames < 3; ) {
    await new Promise(requestAnimationFrame);
    frames = document.getAnimations().length === 0 ? frames + 1 : 0;
  }
}

/** `judge` in each of these colours: loaded in the first, the page takes the next ones as it does when the device changes its own. */
export async function judgeIn(page: Page, schemes: Schemes, name: (scheme: Scheme) => string): Promise<void> {
  for (const [i, colorScheme] of schemes.entries()) {
    if (i > 0) await page.emulateMedia({ colorScheme });
    await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
    if (i > 0) await page.evaluate(still);
    await judge(page, name(colorScheme));
  }
  // The next page is loaded in the first again.
  await page.emulateMedia({ colorScheme: schemes[0] });
}
