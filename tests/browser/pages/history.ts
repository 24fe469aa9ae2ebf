import { readFile } from "node:fs/promises";
import { expect, type Locator, type Page } from "@playwright/test";
import { target } from "../target.ts";

export type Measure = "Energy used" | "Power" | "Voltage";

/** Bars and lines of a range, and the figures behind them. */
export class HistoryPage {
  readonly region: Locator;
  readonly totals: Locator;
  readonly nothing: Locator;

  constructor(readonly page: Page) {
    this.region = page.getByRole("region", { name: "History" });
    this.totals = this.region.locator("dl");
    this.nothing = this.region.getByText("No readings").first();
  }

  static path(query = ""): string {
    return `/meters/${target.device}/history${query}`;
  }

  /** What takes the focus, with the picture in it. */
  chart(measure: Measure): Locator {
    return this.region.getByRole("group", { name: new RegExp(`^${measure}, `) });
  }

  async view(name: string): Promise<void> {
    await this.region.getByText(name, { exact: true }).click();
  }

  async compare(): Promise<void> {
    await this.region.getByRole("switch", { name: /^Compare with/ }).check({ force: true });
  }

  /** The rows of the table behind a chart. */
  async rows(measure: Measure): Promise<Locator> {
    const at = ["Energy used", "Power", "Voltage"].indexOf(measure);
    const details = this.region.locator("details").nth(at);
    if ((await details.getAttribute("open")) === null) await details.locator("summary").click();
    return details.locator("tbody tr");
  }

  /** The lines of the CSV behind a chart, the head first. */
  async csv(measure: Measure): Promise<string[][]> {
    const download = this.page.waitForEvent("download");
    await this.region.getByRole("button", { name: new RegExp(`^Save as CSV: ${measure}, `) }).click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(/\.csv$/);
    const text = await readFile(await file.path(), "utf8");
    return text
      .trimEnd()
      .split("\r\n")
      .map((line) => line.split(","));
  }
}
