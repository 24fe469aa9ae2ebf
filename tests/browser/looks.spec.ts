import type { Page } from "@playwright/test";
import { card, expect, open, test } from "./fixtures.ts";
import { judge, judgeIn, type Scheme, type Schemes } from "./judge.ts";
import { target } from "./target.ts";

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

const pages: [name: string, path: string, ready: (page: Page) => Promise<void>][] = [
  ["home", "/", (page) => expect(card(page)).toBeVisible()],
  [
    "now",
    `/meters/${target.device}`,
    (page) => expect(page.getByTestId("month").locator("dl")).toBeVisible(),
  ],
  [
    "history",
    `/meters/${target.device}/history?view=week`,
    (page) => expect(page.locator("canvas")).toHaveCount(3),
  ],
  ["bill", `/meters/${target.device}/bill`, (page) => expect(page.getByTestId("total")).toBeVisible()],
  [
    "meter-alerts",
    `/meters/${target.device}/alerts`,
    (page) => expect(page.locator("fieldset[data-kind]")).toHaveCount(10),
  ],
  [
    "alerts",
    "/alerts?state=all",
    (page) => expect(page.locator("main li[data-alert]").first()).toBeVisible(),
  ],
  ["profile", "/profile", (page) => expect(page.locator("main li").first()).toBeVisible()],
  ["missing", "/nowhere", (page) => expect(page.getByRole("heading", { level: 1 })).toBeVisible()],
  ["tariffs", "/tariffs", (page) => expect(page.getByRole("heading", { level: 2 }).first()).toBeVisible()],
];

for (const [size, viewport] of Object.entries(sizes))
  test.describe(size, () => {
    // Loaded in the first and changed to the second: in English one way, in Hindi the other.
    const schemes: Schemes = size === "phone" ? ["light", "dark"] : ["dark", "light"];
    const others: Schemes = size === "phone" ? ["dark", "light"] : ["light", "dark"];
    const named = (name: string) => (scheme: Scheme) => `${name}-${size}-${scheme}`;
    // Without movement a screenshot is of a state, and contrast is not measured halfway.
    test.use({ viewport, colorScheme: schemes[0], contextOptions: { reducedMotion: "reduce" } });

    test("the login page is readable", async ({ page }) => {
      await page.goto("/");
      await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
      await judgeIn(page, schemes, named("login"));
    });

    for (const colorScheme of schemes)
      test.describe(colorScheme, () => {
        test.use({ colorScheme });

        test("the page of the API is readable, fits, and is allowed all it needs", async ({ page }) => {
          const complaints: string[] = [];
          page.on("console", (message) => complaints.push(message.text()));
          await page.goto("/api/docs");
          await expect(page.getByRole("heading", { level: 1 })).toContainText("API");
          await page.getByRole("navigation").getByRole("link", { name: "/api/tariffs/preview" }).click();
          await expect(page.locator("#previewTariff")).toBeInViewport();
          await page.locator("#previewTariff summary").first().click();
          await expect(page.locator("#previewTariff pre").first()).toBeVisible();
          expect(complaints).toEqual([]);
          await judge(page, `api-docs-${size}-${colorScheme}`);
        });
      });

    test("the pages are readable and fit", async ({ page }) => {
      await open(page, "/");
      for (const [name, path, ready] of pages) {
        await page.goto(path);
        await ready(page);
        await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
        await judgeIn(page, schemes, named(name));
      }
    });

    test.describe("in Hindi", () => {
      test.use({ locale: "hi-IN", colorScheme: others[0] });

      test("the pages are readable and fit", async ({ page }) => {
        await page.goto("/");
        await expect(page.getByRole("button", { name: "साइन इन करें" })).toBeVisible();
        await judgeIn(page, others, named("login-hi"));
        await open(page, "/");
        for (const [name, path, ready] of pages) {
          await page.goto(path);
          await ready(page);
          await expect(page.locator(".mantine-Skeleton-root")).toHaveCount(0);
          await expect(page.locator("html")).toHaveAttribute("lang", "hi");
          await judgeIn(page, others, named(`${name}-hi`));
        }
      });
    });
  });
