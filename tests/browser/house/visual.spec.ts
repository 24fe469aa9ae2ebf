import type { Page } from "@playwright/test";
import { TariffEditor } from "../pages/tariff-editor.ts";
import { desktop, expect, phone, test, visit, type Who } from "./house.ts";

/**
 * Key screens beside how they were when somebody last looked (baselines/). `tests/browser/looks_test.sh
 * --update` draws them anew. Only what is the page's own is compared, so that another entry in the
 * navigation changes no picture.
 */
interface View {
  name: string;
  who: Who;
  path: string;
  viewport: { width: number; height: number };
  colorScheme: "light" | "dark";
  locale?: string;
  ready?: (page: Page) => Promise<void>;
}

const views: View[] = [
  { name: "login", who: "nobody", path: "/", viewport: phone, colorScheme: "light" },
  { name: "now", who: "resident", path: "/meters/meter-001", viewport: phone, colorScheme: "light" },
  {
    name: "history",
    who: "resident",
    path: "/meters/meter-001/history?view=week",
    viewport: desktop,
    colorScheme: "dark",
    ready: (page) => expect(page.locator("canvas")).toHaveCount(3),
  },
  {
    name: "bill-hi",
    who: "resident",
    path: "/meters/meter-001/bill?month=2026-06",
    viewport: phone,
    colorScheme: "light",
    locale: "hi-IN",
    ready: (page) => expect(page.getByTestId("total")).toBeVisible(),
  },
  {
    name: "fleet",
    who: "admin",
    path: "/?view=cards",
    viewport: desktop,
    colorScheme: "light",
    ready: (page) => expect(page.locator("article[data-device]")).toHaveCount(10),
  },
  {
    name: "tariff-editor",
    who: "admin",
    path: "/tariffs/edit?of=LT-1%20Domestic",
    viewport: desktop,
    colorScheme: "dark",
    ready: (page) => expect(new TariffEditor(page).curve.locator("canvas").first()).toBeVisible(),
  },
];

for (const { name, who, path, viewport, colorScheme, locale = "en-IN", ready } of views)
  test.describe(name, () => {
    test.use({ viewport, colorScheme, locale });

    test("looks as it did", async ({ page }) => {
      await visit(page, who, path);
      await ready?.(page);
      // A hundredth of the dots may differ, each by a fifth of all there is between two colours: letters are drawn a little
      // differently by each version of Chromium; a moved or a missing part is more than that.
      await expect(page.locator("main")).toHaveScreenshot(`${name}.png`, {
        animations: "disabled",
        threshold: 0.2,
        maxDiffPixelRatio: 0.01,
      });
    });
  });
