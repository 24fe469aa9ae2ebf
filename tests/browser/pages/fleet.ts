import type { Page } from "@playwright/test";
import { Dialog } from "./shell.ts";

/** All meters: cards, table, the site's total. */
export class FleetPage {
  readonly dialog: Dialog;

  constructor(readonly page: Page) {
    this.dialog = new Dialog(page);
  }

  get search() {
    return this.page.getByRole("searchbox", { name: "Search the meters" });
  }

  get state() {
    return this.page.getByRole("combobox", { name: "State" });
  }

  get table() {
    return this.page.getByRole("table", { name: "Meters" });
  }

  get cards() {
    return this.page.locator("article[data-device]");
  }

  get total() {
    return this.page.getByRole("region", { name: "Site total" });
  }

  row(id: string) {
    return this.table.getByRole("row").filter({ hasText: id });
  }

  /** A figure of the site's total. */
  figure(name: string | RegExp) {
    return this.total
      .locator("div")
      .filter({ has: this.page.locator("dt", { hasText: name }) })
      .locator("dd");
  }

  show(view: "Cards" | "Table") {
    return this.page.getByRole("radiogroup", { name: "View" }).getByText(view, { exact: true }).click();
  }

  /** Adds a meter, up to its login being shown. */
  async add(id: string, name: string, kind = "Password"): Promise<void> {
    await this.page.getByRole("button", { name: "Add a meter" }).click();
    await this.dialog.field("Meter id").fill(id);
    await this.dialog.field("Name").fill(name);
    await this.dialog.field("Login").selectOption(kind);
    await this.dialog.button("Add").click();
  }
}
