import type { Page } from "@playwright/test";

/** The audit log. */
export class AuditPage {
  constructor(readonly page: Page) {}

  get entries() {
    return this.page.getByRole("list", { name: "Audit log" }).locator("> li");
  }

  get chain() {
    return this.page.getByRole("region", { name: "The chain" });
  }

  async filter(fields: { action?: string; subject?: string; user?: string }): Promise<void> {
    const form = this.page.getByRole("form", { name: "Filters" });
    if (fields.action !== undefined) await form.getByLabel("Action").selectOption(fields.action);
    if (fields.subject !== undefined) await form.getByLabel("About").fill(fields.subject);
    if (fields.user !== undefined) await form.getByLabel("Who").fill(fields.user);
    await form.getByRole("button", { name: "Show" }).click();
  }
}
