import type { Page } from "@playwright/test";

/** Settings of the site. */
export class SettingsPage {
  constructor(readonly page: Page) {}

  get supply() {
    return this.page.getByRole("region", { name: "Supply" });
  }

  get server() {
    return this.page.getByRole("region", { name: "Server" });
  }

  async supplyBy(meters: string, rate: string): Promise<void> {
    await this.supply.getByLabel("Main meters").fill(meters);
    await this.supply.getByLabel(/^Price of a kWh/).fill(rate);
    await this.supply.getByRole("button", { name: "Save" }).click();
  }
}
