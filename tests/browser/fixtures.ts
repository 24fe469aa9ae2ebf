import { test as base, expect, type Page } from "@playwright/test";
import { Server } from "./server.ts";
import { target } from "./target.ts";

interface Fixtures {
  server: Server;
  /** Console errors that a test brings about on purpose. */
  allowed: RegExp[];
  /** Whatever went wrong in a page; every test ends by finding it empty. */
  watched: undefined;
}

export const test = base.extend<Fixtures>({
  server: async ({ request }, use) => use(await Server.signIn(request)),
  allowed: [[] as RegExp[], { option: true }],
  watched: [
    async ({ page, allowed }, use) => {
      const troubles: string[] = [];
      page.on("pageerror", (error) => troubles.push(`exception: ${error.message}`));
      page.on("console", (message) => {
        // A breach of the Content-Security-Policy is a console error in Chromium.
        if (message.type() === "error") troubles.push(`console: ${message.text()}`);
      });
      await page.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
          console.error(`policy: ${violatedDirective} ${blockedURI}`),
        );
      });
      await use(undefined);
      expect(troubles.filter((text) => !allowed.some((pattern) => pattern.test(text)))).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** By the fields' names, which are the same in every language. */
export async function signIn(page: Page, password = target.password, email = target.email): Promise<void> {
  await page.locator('input[name="email"]').fill(email);
  await page.locator('input[name="password"]').fill(password);
  await page.keyboard.press("Enter");
}

/** Readings are coming. */
export function live(page: Page) {
  return page.locator('output[data-phase="live"]');
}

/** Signed in, on a page, with live readings coming. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await signIn(page);
  await expect(live(page)).toBeVisible();
}

export function card(page: Page) {
  return page.locator(`article[data-device="${target.device}"]`);
}
