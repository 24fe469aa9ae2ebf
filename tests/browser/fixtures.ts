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

export async function signIn(page: Page, password = target.password): Promise<void> {
  await page.getByLabel("E-mail").fill(target.email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
}

/** Signed in, on a page, with live readings coming. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await signIn(page);
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
}

export function card(page: Page) {
  return page.locator(`article[data-device="${target.device}"]`);
}
