import { readFile } from "node:fs/promises";
import { formatMoney } from "../../frontend/src/lib/money.ts";
import { addMonths } from "../../frontend/src/lib/zone.ts";
import { expect } from "./fixtures.ts";
import { lastMonth, monthBefore, openOffice, test } from "./office-server.ts";
import { AccountsPage } from "./pages/accounts.ts";
import { BillingPage } from "./pages/billing.ts";
import { TariffEditor } from "./pages/tariff-editor.ts";
import { UtilityPage } from "./pages/utility.ts";

const money = (amount: string) => formatMoney(amount, "INR", "en-IN");

// One after the other, as an office does its month: what one does, the next finds.
test.describe.configure({ mode: "serial" });

test.describe("a tariff", () => {
  test.use({ allowed: [/Failed to load resource.*(409|422)/] });

  test("is held to its form while it is typed, and draws what it costs", async ({ page, office }) => {
    void office;
    await openOffice(page, "/tariffs");
    await page.getByRole("link", { name: "Next version of LT-1 Domestic" }).click();
    const editor = new TariffEditor(page);
    await expect(editor.field("name")).toHaveValue("LT-1 Domestic");
    // The contract's example, and one unit more at the highest slab with tax.
    expect((await editor.priced("300")).slice(0, 3)).toEqual([
      money("1534.00"),
      money("1534.00"),
      money("7.08"),
    ]);
    await editor.field("slabs[1].rate").fill("4,50");
    await editor.field("slabs[1].rate").blur();
    await expect(editor.fault("slabs[1].rate")).toContainText("Give a number");
    await expect(editor.curve).toContainText("once the slabs and charges have numbers");
    await editor.field("slabs[1].rate").fill("5.00");
    await expect(editor.fault("slabs[1].rate")).toHaveCount(0);
    await editor.field("slabs[0].up_to_kwh").fill("300");
    await editor.save.click();
    await expect(editor.fault("slabs[1].up_to_kwh")).toContainText("above the slab before it");
    await expect(page.getByRole("alert")).toContainText("1 field needs another look");
    await editor.field("slabs[0].up_to_kwh").fill("100");
    expect((await editor.priced("300")).slice(0, 2)).toEqual([money("1652.00"), money("1534.00")]);
  });

  test("shows the API's own words at the field that they are about", async ({ page, office }) => {
    void office;
    await openOffice(page, "/tariffs/edit?of=LT-1%20Domestic");
    const editor = new TariffEditor(page);
    for (const [name, from, to] of [
      ["Evening", "18:00", "22:00"],
      ["Night", "21:00", "23:00"],
    ] as const) {
      await page.getByRole("button", { name: "Add a window" }).click();
      const index = name === "Evening" ? 0 : 1;
      await editor.field(`time_of_day[${index}].name`).fill(name);
      await editor.field(`time_of_day[${index}].from`).fill(from);
      await editor.field(`time_of_day[${index}].to`).fill(to);
      await editor.field(`time_of_day[${index}].percent`).fill("20");
    }
    await editor.save.click();
    await expect(page.getByRole("alert")).toContainText("overlap");
    await expect(editor.field("time_of_day[1].name")).toHaveValue("Night");
  });

  test("is compared on a real month, old against new", async ({ page, office }) => {
    await openOffice(page, "/tariffs/edit?of=LT-1%20Domestic");
    const editor = new TariffEditor(page);
    await editor.field("fixed_charge").fill("60.00");
    await editor.compare(monthBefore, "on");
    const invoice = (await office.invoices({ month: monthBefore, q: "off-001" }))[0];
    const row = editor.preview.getByRole("row").filter({ hasText: "Block B-1" });
    // Ten more, and 18 % on them.
    await expect(row).toContainText(money(invoice?.total ?? ""));
    await expect(row).toContainText(money("11.80"));
    await row.getByRole("button").click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByRole("heading", { name: "By the new tariff" })).toBeVisible();
    await expect(dialog.getByTestId("total").first()).toHaveText(money(invoice?.total ?? ""));
  });

  test("that touches issued months is added once its effects are agreed to", async ({ page, office }) => {
    void office;
    await openOffice(page, "/tariffs/edit?of=LT-1%20Domestic");
    const editor = new TariffEditor(page);
    await editor.field("effective_from").fill(`${monthBefore}-01`);
    await editor.field("fixed_charge").fill("51.00");
    await editor.save.click();
    await expect(page.getByText("This changes months that are invoiced")).toBeVisible();
    await page.getByRole("button", { name: "Look what would change" }).click();
    await expect(page.getByText("3 invoices would differ.")).toBeVisible();
    await page.getByRole("button", { name: "Add it, with these effects" }).click();
    await expect(page.getByText(/LT-1 Domestic, version \d+, is added/)).toBeVisible();
    await openExceptions(page);
    await expect(page.getByRole("button", { name: /^Decide exception/ })).toHaveCount(3);
    const billing = new BillingPage(page);
    const row = billing.invoice("Block B-1");
    await row.getByRole("button").click();
    await page.getByRole("dialog").getByLabel("What to do").selectOption("reissue");
    await billing.because("Why", "The board's order of that month", "Do it");
    await expect(page.getByRole("button", { name: /^Decide exception/ })).toHaveCount(2);
  });

  test("holds from next month for those that it is assigned to", async ({ page, office }) => {
    await openOffice(page, "/tariffs/edit");
    const editor = new TariffEditor(page);
    const name = "Shops";
    await editor.field("name").fill(name);
    await editor.field("slabs[0].rate").fill("8.25");
    await editor.save.click();
    await page.getByRole("link", { name: "Assign it to accounts" }).click();
    await page.getByRole("checkbox", { name: "Choose Block B-3, Tenant 3" }).check();
    await page.getByRole("button", { name: "Assign to 1 account" }).click();
    await expect(page.getByText(/1 account is on Shops from/)).toBeVisible();
    const { tariffs } = await office.account("Block B-3");
    const next = `${addMonths(lastMonth, 2)}-01`;
    expect(tariffs.map(({ name, from }) => [name, from])).toEqual([
      ["LT-1 Domestic", null],
      [name, next],
    ]);
  });
});

async function openExceptions(page: import("@playwright/test").Page): Promise<void> {
  await page.getByRole("button", { name: "Money", exact: true }).click();
  await page.getByRole("menuitem", { name: "Billing", exact: true }).click();
  await new BillingPage(page).tab("Corrections");
}

test("a month is looked at, then issued, with what asks for a second look in front", async ({
  page,
  office,
}) => {
  await openOffice(page, `/billing?month=${lastMonth}`);
  const billing = new BillingPage(page);
  await expect(page.getByRole("button", { name: /^Issue / })).toBeDisabled();
  await billing.look();
  expect(await office.invoices({ month: lastMonth })).toEqual([]);
  await expect(billing.toLookAt("Block B-2")).toContainText("Unusual use");
  await expect(billing.toLookAt("Block B-2")).toContainText("usually");
  await expect(billing.toLookAt("Block B-3")).toContainText("Register reset");
  await expect(billing.toLookAt("Block B-1")).toHaveCount(0);
  const sum = await billing.fact("Sum").textContent();
  await billing.issue();
  await expect(billing.fact("Sum")).toHaveText(sum ?? "");
  const issued = await office.invoices({ month: lastMonth });
  await expect(billing.fact("Issued")).toHaveText(String(issued.length));
  await billing.look();
  await expect(billing.fact("Would be issued")).toHaveText("0");
  await expect(billing.fact("Have their invoice")).toHaveText(String(issued.length));
});

test.describe("the month's documents", () => {
  // Until the ZIP is made the server says 503 and when to ask again.
  test.use({ allowed: [/Failed to load resource.*503/] });

  test("invoices are found by words and state, as PDF and as a month's ZIP", async ({ page, office }) => {
    await openOffice(page, `/billing/invoices?month=${lastMonth}`);
    const billing = new BillingPage(page);
    const all = await office.invoices({ month: lastMonth });
    await expect(page.getByText(`${all.length} documents`)).toBeVisible();
    await page.getByLabel("Find invoices").fill("b-2");
    await expect(page.getByText("1 document", { exact: true })).toBeVisible();
    await expect(billing.invoice("Block B-2")).toBeVisible();
    await page.getByLabel("State").selectOption("paid");
    await expect(page.getByText("No invoice is like that")).toBeVisible();
    await page.getByLabel("State").selectOption("");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "All as ZIP" }).click();
    const zip = await readFile(await (await download).path());
    expect(zip.subarray(0, 2).toString()).toBe("PK");
  });
});

test("a payment is recorded once, moves the balance, and can be taken back", async ({ page, office }) => {
  const { balance, account_id } = await office.account("Block B-2");
  await openOffice(page, "/accounts");
  const accounts = new AccountsPage(page);
  await accounts.choose("Block B-2");
  await expect(accounts.balance).toContainText(money(balance));
  const { payment } = accounts;
  await payment.getByRole("button", { name: "Record it" }).click();
  await expect(payment.getByText("Give an amount such as 1500.00")).toBeVisible();
  await payment.getByLabel("Amount").fill(balance);
  await payment.getByLabel("Reference").fill("UTR 42");
  await payment.getByRole("button", { name: "Record it" }).click();
  await expect(payment.getByRole("status")).toContainText("is recorded");
  await expect(accounts.balance).toContainText("even");
  await expect(accounts.entries).toContainText("UTR 42");
  await accounts.entries.getByRole("button", { name: /^Take entry \d+ back$/ }).click();
  await new BillingPage(page).because("Why", "The bank sent it back", "Take it back");
  await expect(accounts.balance).toContainText("owed");
  expect((await office.account("Block B-2")).account_id).toBe(account_id);
  expect((await office.account("Block B-2")).balance).toBe(balance);
});

test.describe("a file of payments", () => {
  test.use({ allowed: [/Failed to load resource.*422/] });

  test("is looked at before it comes in, and says which line is wrong", async ({ page, office }) => {
    const { account_id, balance } = await office.account("Block B-1");
    await openOffice(page, "/billing/payments");
    const file = (lines: string) => ({
      name: "bank.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(`account,amount,received,reference\n${lines}`),
    });
    await page.getByLabel("CSV file").setInputFiles(file(`${account_id},x,${lastMonth}-20,UTR 7\n`));
    await page.getByRole("button", { name: "Look what would come in" }).click();
    await expect(page.getByRole("alert")).toContainText("line 2, amount");
    await page.getByLabel("CSV file").setInputFiles(file(`${account_id},10.00,${lastMonth}-20,UTR 7\n`));
    await page.getByRole("button", { name: "Look what would come in" }).click();
    await expect(page.getByText("Nothing is taken in yet")).toBeVisible();
    expect((await office.account("Block B-1")).balance).toBe(balance);
    await page.getByRole("button", { name: "Take it in" }).click();
    await expect(page.getByText(`1 taken in, 0 were there already, ${money("10.00")} in all.`)).toBeVisible();
  });
});

test("an invoice is taken back with its reason and issued again with the difference", async ({
  page,
  office,
}) => {
  const invoice = (await office.invoices({ month: lastMonth, q: "off-001" }))[0];
  await openOffice(page, `/billing/invoices?month=${lastMonth}`);
  const billing = new BillingPage(page);
  await billing.invoice("Block B-1").getByRole("link").first().click();
  await expect(page.getByTestId("total")).toHaveText(money(invoice?.total ?? ""));
  await expect(page.getByTestId("now")).toContainText("The same as was issued");
  await page.getByRole("button", { name: "Take it back" }).click();
  await billing.because("Why", "The wrong flat was billed", "Make the credit note");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Credit note");
  await expect(page.getByText(`It takes back ${invoice?.number}.`)).toBeVisible();
  await page.getByRole("button", { name: "Issue the month again" }).click();
  await billing.because("Why", "As it was measured", "Issue it");
  await expect(page.getByTestId("difference")).toContainText(`Against ${invoice?.number}`);
  await expect(page.getByTestId("difference")).toContainText("As it was measured");
  await page.getByRole("button", { name: "Open a dispute" }).click();
  await billing.because("What is said to be wrong", "The lift is on this meter", "Open it");
  await expect(page.getByText("The lift is on this meter")).toBeVisible();
  await page.getByRole("button", { name: /^Answer the dispute/ }).click();
  await billing.because("The answer", "The lift has a meter of its own", "Close the dispute");
  await expect(page.getByText("No dispute is open")).toBeVisible();
});

test("a supplier's bill stands beside the own invoices, and its common part goes on the accounts", async ({
  page,
}) => {
  await openOffice(page, "/utility");
  const utility = new UtilityPage(page);
  await utility.enter({
    Supplier: "BESCOM",
    Number: "77/1",
    "First day": `${lastMonth}-01`,
    "kWh billed": "1000",
    "Amount without tax": "7000.00",
    Tax: "630.00",
  });
  await expect(page.getByRole("heading", { level: 1, name: "BESCOM 77/1" })).toBeVisible();
  await expect(utility.sides).toContainText(money("7630.00"));
  await page.getByRole("button", { name: "Put the common part on the accounts" }).click();
  await page.getByRole("button", { name: "Take the common part back" }).click();
  await new BillingPage(page).because("Why", "A wrong number", "Do it");
  await expect(page.getByRole("button", { name: "Put the common part on the accounts" })).toBeVisible();
});

test("somebody who is no admin has none of these pages, and loads nothing of them", async ({ page }) => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  const { open } = await import("./fixtures.ts");
  await open(page, "/billing");
  await expect(page.getByRole("button", { name: "Money", exact: true })).toHaveCount(0);
  await expect(page.getByText("There is nothing at this address")).toBeVisible();
  expect(loaded.filter((path) => /assets\/(billing|account|office|utility|tariff-)/.test(path))).toEqual([]);
});
