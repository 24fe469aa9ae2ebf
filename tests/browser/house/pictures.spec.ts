import { join } from "node:path";
import type { Page } from "@playwright/test";
import { TariffEditor } from "../pages/tariff-editor.ts";
import { desktop, expect, phone, test, visit, type Who } from "./house.ts";

/** The pictures of README and docs/, made by scripts/screenshots. */
const folder = process.env.SMARTMETER_PICTURES ?? "";

interface Picture {
  name: string;
  who: Who;
  path: string;
  size: "phone" | "desktop";
  ready?: (page: Page) => Promise<void>;
}

const total = (page: Page) => expect(page.getByTestId("total")).toBeVisible();
const pictures: Picture[] = [
  { name: "now", who: "resident", path: "/meters/meter-001", size: "phone" },
  { name: "bill", who: "resident", path: "/meters/meter-001/bill", size: "phone", ready: total },
  {
    name: "history",
    who: "resident",
    path: "/meters/meter-001/history?view=week",
    size: "desktop",
    ready: (page) => expect(page.locator("canvas")).toHaveCount(3),
  },
  {
    name: "fleet",
    who: "admin",
    path: "/?view=cards",
    size: "desktop",
    ready: (page) => expect(page.locator("article[data-device]")).toHaveCount(10),
  },
  {
    name: "tariff",
    who: "admin",
    path: "/tariffs/edit?of=LT-1%20Domestic",
    size: "desktop",
    ready: (page) => expect(new TariffEditor(page).curve.locator("canvas").first()).toBeVisible(),
  },
];

const sizes = {
  phone: { viewport: phone, deviceScaleFactor: 2 },
  desktop: { viewport: desktop, deviceScaleFactor: 1 },
};

test.skip(!folder, "SMARTMETER_PICTURES says where they go");

for (const { name, who, path, size, ready } of pictures)
  for (const colorScheme of ["light", "dark"] as const)
    test.describe(`${name}, ${size}, ${colorScheme}`, () => {
      test.use({ ...sizes[size], colorScheme });

      test("is drawn", async ({ page }) => {
        await visit(page, who, path);
        await ready?.(page);
        await page.screenshot({
          path: join(folder, `${name}-${size}-${colorScheme}.png`),
          animations: "disabled",
        });
      });
    });
