import { AdminServer } from "./admin-server.ts";
import { expect } from "./fixtures.ts";
import { openOffice, test } from "./office-server.ts";
import { AccountsPage } from "./pages/accounts.ts";

const COUNT = 150;

// After the office's own: its accounts are few, and these are many.
test("a long list of accounts is there to its last row", async ({ page, office, request }) => {
  void office;
  const admin = await AdminServer.signIn(request);
  const lines = Array.from({ length: COUNT }, (_, i) => `long-${i + 1},Tenant ${i + 1},Long ${1000 + i},`);
  await admin.postCsv("/api/accounts/import", `account,person,place,device\n${lines.join("\n")}\n`);
  await openOffice(page, "/accounts");
  const accounts = new AccountsPage(page);
  await expect(page.getByText(/^100 of \d+ are shown\.$/)).toBeVisible();
  await expect(accounts.row(`Long ${1000 + COUNT - 1}`)).toHaveCount(0);
  await page.mouse.wheel(0, 50_000);
  await expect(accounts.row(`Long ${1000 + COUNT - 1}`)).toBeAttached();
  await expect(page.getByRole("button", { name: "Show more" })).toHaveCount(0);
});
