import type { Page } from "@playwright/test";

/** The list of accounts, and the page of one. */
export class AccountsPage {
  constructor(readonly page: Page) {}

  row(place: string) {
    return this.page.getByRole("row").filter({ hasText: place });
  }

  async choose(place: string): Promise<void> {
    await this.page.getByLabel("Find accounts").fill(place);
    await this.row(place).getByRole("link").first().click();
  }

  get balance() {
    return this.page.getByTestId("balance");
  }

  get payment() {
    return this.page.getByRole("region", { name: "Record a payment" });
  }

  get entries() {
    return this.page.getByRole("region", { name: "Entries" }).first();
  }
}
