import type { Page } from "@playwright/test";
import { Dialog } from "./shell.ts";

/** The list of people, and one of them. */
export class PeoplePage {
  readonly dialog: Dialog;

  constructor(readonly page: Page) {
    this.dialog = new Dialog(page);
  }

  get search() {
    return this.page.getByRole("searchbox", { name: "Search the people" });
  }

  get filter() {
    return this.page.getByRole("combobox", { name: "Show" });
  }

  get rows() {
    return this.page.getByRole("table", { name: "People" }).locator("tbody tr");
  }

  part(name: string) {
    return this.page.getByRole("region", { name });
  }

  async add(email: string, name: string): Promise<void> {
    await this.page.getByRole("button", { name: "Add somebody" }).click();
    await this.dialog.field("E-mail").fill(email);
    await this.dialog.field("Name").fill(name);
    await this.dialog.button("Add and make the link").click();
  }
}
