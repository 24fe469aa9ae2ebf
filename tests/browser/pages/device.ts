import type { Page } from "@playwright/test";
import { Dialog } from "./shell.ts";

/** One meter, as an administrator has it. */
export class DevicePage {
  readonly dialog: Dialog;

  constructor(readonly page: Page) {
    this.dialog = new Dialog(page);
  }

  part(name: string) {
    return this.page.getByRole("region", { name });
  }

  get details() {
    return this.part("Name and limits");
  }

  get whose() {
    return this.part("Whose it is");
  }

  get logins() {
    return this.part("Logins at the broker");
  }

  get main() {
    return this.part("Main meter");
  }

  get end() {
    return this.part("Replace, disable, revoke");
  }
}
