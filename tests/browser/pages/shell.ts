import { expect, type Page } from "@playwright/test";

/** What is around every page: navigation, and how a page is reached by it. */
export class Shell {
  constructor(readonly page: Page) {}

  get navigation() {
    return this.page.getByRole("navigation", { name: "Pages" });
  }

  heading(name: string | RegExp) {
    return this.page.getByRole("heading", { level: 1, name });
  }

  /** By the menu of what administrators manage, with the keyboard alone. */
  async manage(name: string): Promise<void> {
    const menu = this.navigation.getByRole("button", { name: "Manage" });
    await menu.focus();
    await this.page.keyboard.press("Enter");
    const item = this.page.getByRole("menuitem", { name, exact: true });
    await expect(item).toBeVisible();
    await item.press("Enter");
    await expect(this.page.getByRole("menu")).toBeHidden();
  }
}

/** A dialog, and what it shows once. */
export class Dialog {
  constructor(readonly page: Page) {}

  get box() {
    return this.page.getByRole("dialog");
  }

  field(name: string) {
    return this.box.getByLabel(name, { exact: true });
  }

  button(name: string) {
    return this.box.getByRole("button", { name, exact: true });
  }

  /** A value of the list that is shown once. */
  async shown(name: string): Promise<string> {
    return (await this.box.locator(`dt:text-is("${name}") + dd`).textContent()) ?? "";
  }

  async done(): Promise<void> {
    await this.button("Done").click();
    await expect(this.box).toBeHidden();
  }
}
