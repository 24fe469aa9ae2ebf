import { expect, type Page } from "@playwright/test";

/** Billing: the run of a month, its invoices, corrections and payments. */
export class BillingPage {
  constructor(readonly page: Page) {}

  /** Looks what a month would be, and waits for that. */
  async look(): Promise<void> {
    await this.page.getByRole("button", { name: "Look what would be issued" }).click();
    await this.ended("What");
  }

  async issue(): Promise<void> {
    await this.page.getByRole("button", { name: /^Issue / }).click();
    await this.ended("is issued");
  }

  private async ended(words: string): Promise<void> {
    const title = this.page.locator("#run");
    await expect(title).toContainText(words);
    await expect(title).toHaveAttribute("data-state", "done");
  }

  fact(name: string) {
    return this.page.getByTestId("run-facts").locator(`dt:text-is("${name}") + dd`);
  }

  /** An account that asks for a second look. */
  toLookAt(place: string) {
    return this.page.getByTestId("look").getByRole("row").filter({ hasText: place });
  }

  async tab(name: string): Promise<void> {
    await this.page.getByRole("navigation", { name: "Parts of billing" }).getByRole("link", { name }).click();
  }

  invoice(place: string) {
    return this.page.getByRole("row").filter({ hasText: place });
  }

  /** Says why, in the dialog that asks for it. */
  async because(label: string, reason: string, action: string): Promise<void> {
    const dialog = this.page.getByRole("dialog");
    await dialog.getByLabel(label).fill(reason);
    await dialog.getByRole("button", { name: action }).click();
    await expect(dialog).toBeHidden();
  }
}
