import type { Page } from "@playwright/test";
import { Dialog } from "./shell.ts";

/** Refused messages, by what is to be mended. */
export class RejectsPage {
  readonly dialog: Dialog;

  constructor(readonly page: Page) {
    this.dialog = new Dialog(page);
  }

  group(reason: string, device: string) {
    return this.page.getByRole("article").filter({ hasText: reason }).filter({ hasText: device });
  }
}
