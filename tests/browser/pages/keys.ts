import type { Page } from "@playwright/test";
import { Dialog } from "./shell.ts";

/** API keys. */
export class KeysPage {
  readonly dialog: Dialog;

  constructor(readonly page: Page) {
    this.dialog = new Dialog(page);
  }

  key(name: string) {
    return this.page.getByRole("article", { name, exact: true });
  }

  async make(name: string, scopes: string[]): Promise<void> {
    await this.page.getByRole("button", { name: "Make a key" }).click();
    await this.dialog.field("Name").fill(name);
    for (const scope of scopes) await this.dialog.box.getByRole("checkbox", { name: scope }).check();
    await this.dialog.button("Make it").click();
  }
}
