import type { Locator, Page } from "@playwright/test";
import { target } from "../target.ts";

/** The first of a meter's pages: what it says at this moment. */
export class NowPage {
  readonly meter: Locator;
  readonly watts: Locator;
  readonly today: Locator;
  readonly month: Locator;

  constructor(readonly page: Page) {
    this.meter = page.locator(`article[data-device="${target.device}"]`);
    this.watts = this.meter.getByTestId("watts");
    this.today = page.getByTestId("today");
    this.month = page.getByTestId("month");
  }

  static readonly path = `/meters/${target.device}`;

  /** The value under a name of a list of them. */
  value(within: Locator, name: string): Locator {
    return within.locator("dl > div").filter({ hasText: name }).locator("dd");
  }
}
