import { expect, type Locator, type Page } from "@playwright/test";

/** The bell and what comes up beside it, the list of alerts, and what they are judged by: words of the chosen language aside. */
export class AlertsPage {
  constructor(readonly page: Page) {}

  get bell() {
    return this.page.locator('header a[href="/alerts"]');
  }

  async count(count: number): Promise<void> {
    await expect(this.bell).toHaveAttribute("data-count", String(count));
  }

  get toast() {
    return this.page.locator('section[aria-live="polite"]');
  }

  rows(kind?: string): Locator {
    return this.page.locator(kind ? `main li[data-kind="${kind}"]` : "main li[data-alert]");
  }

  filter(name: string): Locator {
    return this.page.getByRole("search").getByLabel(name, { exact: true });
  }
}

/** The form of what a meter's alerts are judged by. */
export class LimitsForm {
  constructor(readonly page: Page) {}

  get region() {
    return this.page.getByRole("region", { name: "When to raise an alert" });
  }

  kind(name: string): Locator {
    return this.region.locator(`fieldset[data-kind="${name}"]`);
  }

  field(path: string): Locator {
    return this.region.locator(`input[name="${path}"]`);
  }

  /** The times that a kind must last, and be well. */
  async finer(kind: string): Promise<void> {
    await this.kind(kind).locator("summary").click();
  }

  private around(path: string): Locator {
    const input = this.page.locator(`input[name="${path}"]`);
    return this.region.locator(".mantine-TextInput-root").filter({ has: input });
  }

  /** What stands at a field because of what was typed in it. */
  fault(path: string): Locator {
    return this.around(path).locator(".mantine-TextInput-error");
  }

  hint(path: string): Locator {
    return this.around(path).locator(".mantine-TextInput-description");
  }

  async save(): Promise<void> {
    await this.region.getByRole("button", { name: "Save the thresholds" }).click();
  }

  get saved() {
    return this.region.getByText("Saved", { exact: true });
  }
}
