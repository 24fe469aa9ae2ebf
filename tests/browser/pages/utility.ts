import type { Page } from "@playwright/test";

/** Suppliers' bills, and what of one comes back. */
export class UtilityPage {
  constructor(readonly page: Page) {}

  async enter(fields: Record<string, string>): Promise<void> {
    await this.page.getByRole("button", { name: "Enter a bill" }).click();
    const dialog = this.page.getByRole("dialog");
    for (const [label, value] of Object.entries(fields))
      await dialog.getByLabel(label, { exact: true }).fill(value);
    await dialog.getByRole("button", { name: "Enter it" }).click();
  }

  get sides() {
    return this.page.getByRole("region", { name: "Own and the supplier's, side by side" }).first();
  }
}
