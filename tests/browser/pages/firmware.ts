import type { Page } from "@playwright/test";
import { Dialog } from "./shell.ts";

/** Releases of firmware. */
export class FirmwarePage {
  readonly dialog: Dialog;

  constructor(readonly page: Page) {
    this.dialog = new Dialog(page);
  }

  release(name: string) {
    return this.page.getByRole("article", { name, exact: true });
  }

  meters(name: string) {
    return this.release(name).getByRole("list", { name: "Meters" });
  }

  async showMeters(name: string): Promise<void> {
    await this.release(name).getByText("Show the meters").click();
  }

  async halt(version: string, why: string): Promise<void> {
    await this.page.getByRole("button", { name: `Halt ${version}` }).click();
    await this.dialog.field("Why").fill(why);
    await this.dialog.button("Halt").click();
  }

  resume(version: string): Promise<void> {
    return this.page.getByRole("button", { name: `Go on with ${version}` }).click();
  }
}
