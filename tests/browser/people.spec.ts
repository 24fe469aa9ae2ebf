import type { Page } from "@playwright/test";
import { expect, live, signIn, test } from "./fixtures.ts";
import { target } from "./target.ts";

test.skip(!target.person, "SMARTMETER_TEST_PERSON is not set");

async function openProfile(page: Page): Promise<void> {
  await page.goto("/profile");
  await signIn(page, target.password, target.person);
  await expect(page.locator("main h1")).toBeVisible();
}

test("a name that somebody gives themselves is everywhere at once", async ({ page }) => {
  await page.goto("/");
  await signIn(page, target.password, target.person);
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Profile" }).click();
  const name = `Lata R. ${Date.now() % 1000}`;
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: `Account of ${name}` })).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue(name);
});

test("a language goes with the person to another browser, and back", async ({ page, browser }) => {
  await openProfile(page);
  await page.getByText("हिन्दी", { exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "प्रोफ़ाइल" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "hi");
  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: "प्रोफ़ाइल" })).toBeVisible();

  const elsewhere = await browser.newContext({ locale: "en-IN" });
  const other = await elsewhere.newPage();
  await other.goto("/profile");
  await expect(other.getByRole("button", { name: "Sign in" })).toBeVisible();
  await signIn(other, target.password, target.person);
  await expect(other.getByRole("heading", { level: 1, name: "प्रोफ़ाइल" })).toBeVisible();
  await elsewhere.close();

  await page.getByText("English", { exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
});

test("another session is ended from here, and its token with it", async ({ page, request }) => {
  const data = { email: target.person, password: target.password };
  const answer = await request.post("/api/auth/login", { data });
  const { token } = (await answer.json()) as { token: string };
  const ask = () => request.get("/api/me", { headers: { Authorization: `Bearer ${token}` } });
  expect((await ask()).status()).toBe(200);
  await openProfile(page);
  const sessions = page.getByRole("region", { name: "Where you are signed in" }).getByRole("listitem");
  await expect(sessions.first()).toContainText("This one");
  const before = await sessions.count();
  await sessions
    .nth(1)
    .getByRole("button", { name: /^End the session/ })
    .click();
  await expect(sessions).toHaveCount(before - 1);
  await expect.poll(async () => (await ask()).status()).toBe(401);
});

test.describe("in a browser that speaks Hindi", () => {
  test.use({ locale: "hi-IN", allowed: [/Failed to load resource.*401/] });

  test("the first screen does, before anybody is known", async ({ page }) => {
    await page.goto("/");
    await expect(page.getByRole("button", { name: "साइन इन करें" })).toBeVisible();
    await signIn(page, `${target.password}-not`);
    await expect(page.getByRole("alert")).toHaveText("यह ई-मेल और पासवर्ड मेल नहीं खाते।");
    await page.getByLabel("भाषा").selectOption("English");
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
    await page.reload();
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  });

  test("a bill has the words of the printed one", async ({ page }) => {
    test.skip(!target.expectMonth || !target.expectTotal, "EXPECT_MONTH and EXPECT_TOTAL are not set");
    await page.goto(`/meters/${target.device}?month=${target.expectMonth}`);
    await signIn(page);
    await expect(live(page)).toBeVisible();
    const total = page.getByTestId("total");
    const money = new Intl.NumberFormat("hi-IN", { style: "currency", currency: "INR" });
    await expect(total).toHaveText(money.format(Number(target.expectTotal)));
    const bill = page.getByTestId("bill");
    for (const word of ["कुल योग", "उप-योग", "स्थायी शुल्क", "300 kWh से अधिक"])
      await expect(bill.getByText(word, { exact: true }).first()).toBeVisible();
  });
});
