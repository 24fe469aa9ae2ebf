import type { Locator, Page } from "@playwright/test";
import { target } from "../target.ts";

/** The bill, what it will come to, and how it is paid. */
export class BillPage {
  readonly bill: Locator;
  readonly total: Locator;
  readonly lines: Locator;
  readonly next: Locator;
  readonly change: Locator;
  readonly coming: Locator;
  readonly pay: Locator;
  readonly invoices: Locator;

  constructor(readonly page: Page) {
    this.bill = page.getByTestId("bill");
    this.total = this.bill.getByTestId("total");
    this.lines = this.bill.locator("tbody tr[data-kind]");
    this.next = page.getByTestId("next");
    this.change = page.getByTestId("change");
    this.coming = page.getByTestId("coming");
    this.pay = page.getByTestId("pay");
    this.invoices = page.getByRole("region", { name: "Invoices" });
  }

  static path(month?: string): string {
    return `/meters/${target.device}/bill${month ? `?month=${month}` : ""}`;
  }

  /** Opens what a line came from. */
  async explain(line: string): Promise<Locator> {
    await this.bill.getByRole("button", { name: `How it came about: ${line}`, exact: true }).click();
    return this.bill.locator("tbody tr:not([data-kind])").filter({ hasText: "Registers of" });
  }

  async question(number: string): Promise<Locator> {
    await this.invoices.getByRole("button", { name: `Question this invoice: ${number}` }).click();
    return this.invoices.getByLabel(`What is wrong with ${number}?`);
  }
}
