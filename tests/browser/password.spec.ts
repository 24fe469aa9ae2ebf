import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures.ts";
import { target } from "./target.ts";

const FRESH = "nine bees, one hive";

async function choose(page: Page, first: string, again = first): Promise<void> {
  await page.getByLabel("New password", { exact: true }).fill(first);
  await page.getByLabel("New password again").fill(again);
  await page.getByRole("button", { name: "Save the password" }).click();
}

test.describe("a one-time link", () => {
  test.skip(!target.link, "SMARTMETER_TEST_LINK is not set");
  test.use({ allowed: [/Failed to load resource.*422/] });

  test("lets somebody choose a password, and is then used up", async ({ page }) => {
    const link = target.link ?? "";
    await page.goto(link);
    await expect(page.getByRole("heading", { name: "Choose a password" })).toBeVisible();
    // The token is not left in the address.
    await expect(page).toHaveURL(/\/password$/);
    await choose(page, FRESH, "nine bees, two hives");
    await expect(page.getByRole("alert")).toHaveText("The two new passwords are not the same.");
    await choose(page, "Password2026");
    await expect(page.getByRole("alert")).toHaveText(/The new password is one of the commonest/);
    await choose(page, FRESH);
    await page.getByRole("link", { name: "Sign in", exact: true }).click();
    await page.getByLabel("E-mail").fill("mira@example.org");
    await page.getByLabel("Password", { exact: true }).fill(FRESH);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
    await page.goto("about:blank");
    await page.goto(link);
    await choose(page, "ten bees, one hive");
    await expect(page.getByRole("alert")).toHaveText(/not good, or not any more/);
  });
});

test.describe("a temporary password", () => {
  test.skip(!target.newcomer, "SMARTMETER_TEST_NEWCOMER is not set");
  test.use({ allowed: [/Failed to load resource.*422/] });

  test("must be changed before anything else", async ({ page }) => {
    await page.goto("/");
    await page.getByLabel("E-mail").fill(target.newcomer ?? "");
    await page.getByLabel("Password", { exact: true }).fill("for the first day");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Choose your own password" })).toBeVisible();
    await page.getByLabel("Present password").fill("something else");
    await choose(page, FRESH);
    await expect(page.getByRole("alert")).toHaveText("That is not your present password.");
    await page.getByLabel("Present password").fill("for the first day");
    await choose(page, FRESH);
    await expect(page.getByRole("heading", { name: "Choose your own password" })).toBeHidden();
    await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
  });
});
