import type { Page } from "@playwright/test";

/** The editor of a tariff, its price curve, and a past month billed by it. */
export class TariffEditor {
  constructor(readonly page: Page) {}

  field(name: string) {
    return this.page.locator(`[name="${name}"]`);
  }

  /** What is said below the field. */
  fault(name: string) {
    return this.page.locator(`.mantine-InputWrapper-root:has([name="${name}"]) .mantine-InputWrapper-error`);
  }

  get save() {
    return this.page.getByRole("button", { name: "Add this version" });
  }

  get curve() {
    return this.page.getByRole("region", { name: "Price curve" }).first();
  }

  /** What the table behind the curve says of a use: a month, a month by what is in force, one more unit. */
  async priced(use: string): Promise<string[]> {
    const details = this.curve.locator("details");
    if (!(await details.evaluate((element) => (element as HTMLDetailsElement).open)))
      await details.locator("summary").click();
    return this.curve
      .getByRole("row", { name: new RegExp(`^${use} kWh`) })
      .getByRole("cell")
      .allTextContents();
  }

  get preview() {
    return this.page.getByRole("region", { name: "A past month, old against new" }).first();
  }

  async compare(month: string, whom: string): Promise<void> {
    await this.preview.getByLabel("Month").selectOption(month);
    await this.preview.getByLabel("Accounts").selectOption(whom);
    await this.preview.getByRole("button", { name: "Compare", exact: true }).click();
  }
}
