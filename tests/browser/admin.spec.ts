import { readFile } from "node:fs/promises";
import type { DeviceCredentials } from "../../frontend/src/api/admin-types.ts";
import { energy } from "../../frontend/src/lib/format.ts";
import { formatMoney } from "../../frontend/src/lib/money.ts";
import { dateOf, monthOf } from "../../frontend/src/lib/zone.ts";
import { openAsAdmin, reading, say, sayWith, test } from "./admin-server.ts";
import { expect } from "./fixtures.ts";
import { AuditPage } from "./pages/audit.ts";
import { DevicePage } from "./pages/device.ts";
import { FirmwarePage } from "./pages/firmware.ts";
import { FleetPage } from "./pages/fleet.ts";
import { KeysPage } from "./pages/keys.ts";
import { PeoplePage } from "./pages/people.ts";
import { RejectsPage } from "./pages/rejects.ts";
import { SettingsPage } from "./pages/settings.ts";
import { Shell } from "./pages/shell.ts";

const LOCALE = "en-IN";
/** Tests share one server: what each makes has a name of its own. */
const own = () => `t${Date.now().toString(36)}${Math.floor(Math.random() * 1000)}`;

test("every page of an administrator is reached with the keys alone", async ({ page }) => {
  await openAsAdmin(page, "/");
  const shell = new Shell(page);
  for (const [item, heading] of [
    ["People", "People"],
    ["API keys", "API keys"],
    ["Refused", "Refused messages"],
    ["Firmware", "Firmware"],
    ["Audit log", "Audit log"],
    ["Settings", "Settings"],
  ] as const) {
    await shell.manage(item);
    await expect(shell.heading(heading)).toBeVisible();
    await expect(page).toHaveTitle(`${heading} · Smartmeter`);
  }
});

test("a resident gets none of these pages", async ({ page }) => {
  const { signIn } = await import("./fixtures.ts");
  await page.goto("/people");
  await signIn(page);
  await expect(page.getByText("There is nothing at this address")).toBeVisible();
  await expect(page.getByRole("button", { name: "Manage" })).toHaveCount(0);
});

test.describe("meters", () => {
  test("one is added, its login is shown once, and lets the meter in", async ({ page, admin }, info) => {
    const id = own();
    const fleet = new FleetPage(page);
    await openAsAdmin(page, "/?view=table");
    await fleet.add(id, "Pump room");
    const { dialog } = fleet;
    await expect(dialog.box.getByText("Shown this once")).toBeVisible();
    await expect(dialog.box.getByRole("img", { name: `QR code with the login of ${id}` })).toBeVisible();
    // A stray key must not take it away.
    await page.keyboard.press("Escape");
    await expect(dialog.box).toBeVisible();
    const download = page.waitForEvent("download");
    await dialog.button("Save as a file").click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`${id}.json`);
    const kept = JSON.parse(await readFile(await file.path(), "utf8")) as DeviceCredentials;
    expect(kept.mqtt.password).toBe(await dialog.shown("Password"));
    expect(kept.mqtt.username).toBe(await dialog.shown("User"));
    const login = {
      host: kept.mqtt.host,
      port: String(kept.mqtt.port),
      username: kept.mqtt.username ?? "",
      password: kept.mqtt.password ?? "",
      ca: kept.ca_pem ?? "",
    };
    await dialog.done();
    await sayWith(id, login, info.outputPath("ca.pem"), reading(id, 5, 460));
    await fleet.search.fill(id);
    await expect(fleet.row(id)).toContainText("Online");
    await expect(fleet.row(id)).toContainText("460 W");
    expect((await admin.device(id)).name).toBe("Pump room");
  });

  test.describe("an id that is taken", () => {
    test.use({ allowed: [/Failed to load resource.*409/] });

    test("is refused at its field, and what was typed stays", async ({ page, admin }) => {
      const id = own();
      await admin.post("/api/devices", { device_id: id });
      const fleet = new FleetPage(page);
      await openAsAdmin(page, "/");
      await fleet.add(id, "Second floor");
      await expect(fleet.dialog.box.getByText("is taken: choose another one")).toBeVisible();
      await expect(fleet.dialog.field("Name")).toHaveValue("Second floor");
      await fleet.dialog.field("Meter id").fill(`${id}b`);
      await fleet.dialog.button("Add").click();
      await expect(fleet.dialog.box.getByText("Shown this once")).toBeVisible();
    });
  });

  test("one gets a pre-shared key instead of a password", async ({ page, admin }) => {
    const id = own();
    const fleet = new FleetPage(page);
    await openAsAdmin(page, "/");
    await fleet.add(id, "Lift", "Pre-shared key");
    await expect(fleet.dialog.box.getByText("Shown this once")).toBeVisible();
    expect(await fleet.dialog.shown("Key")).toMatch(/^[0-9a-f]{32,}$/i);
    await fleet.dialog.done();
    const { credentials } = await admin.get<{ credentials: { kind: string }[] }>(
      `/api/devices/${id}/credentials`,
    );
    expect(credentials.map(({ kind }) => kind)).toEqual(["psk"]);
  });

  test("are searched, sorted, filtered by state, and only those on the screen are drawn", async ({
    page,
    admin,
  }) => {
    const name = own();
    for (let i = 0; i < 60; i++)
      await admin.post("/api/devices", { device_id: `${name}-${i}`, name: `Flat ${i} ${name}` });
    const fleet = new FleetPage(page);
    await openAsAdmin(page, "/?view=table");
    await fleet.search.fill(name);
    await expect(page.getByText("60 meters", { exact: true })).toBeVisible();
    await expect(fleet.table).toHaveAttribute("aria-rowcount", "61");
    const drawn = await fleet.table.locator("tbody tr").count();
    expect(drawn).toBeGreaterThan(8);
    expect(drawn).toBeLessThan(45);
    const first = fleet.table.locator("tbody tr th").first();
    await expect(first).toContainText(`Flat 0 ${name}`);
    const sort = fleet.table.getByRole("button", { name: "Meter" });
    await sort.click();
    await expect(fleet.table.getByRole("columnheader", { name: "Meter" })).toHaveAttribute(
      "aria-sort",
      "descending",
    );
    await expect(first).toContainText(`Flat 59 ${name}`);
    // The far end is reached, and its row is the last one there is.
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await expect(fleet.table.locator('tr[aria-rowindex="61"]')).toContainText(`Flat 0 ${name}`);
    await fleet.state.selectOption("online");
    await expect(page.getByText("No meter is like that")).toBeVisible();
    await fleet.state.selectOption("never");
    await fleet.show("Cards");
    await expect(fleet.cards).toHaveCount(24);
    await page.getByRole("button", { name: "Page 3" }).click();
    await expect(fleet.cards).toHaveCount(12);
  });

  test("the site's total is the main meter's against the sum of the others", async ({ page, admin }) => {
    const main = own();
    await admin.post("/api/devices", { device_id: main });
    await say(main, reading(main, 100));
    await openAsAdmin(page, "/settings");
    const settings = new SettingsPage(page);
    await settings.supplyBy(main, "7.25");
    await expect(settings.supply.getByText("Saved")).toBeVisible();
    await page.goto("/");
    const fleet = new FleetPage(page);
    const { timezone } = await admin.get<{ timezone: string }>("/api/site");
    const told = await admin.losses(monthOf(dateOf(Date.now(), timezone)));
    expect(told.main?.meters).toEqual([main]);
    await expect(fleet.figure("Main meter")).toContainText(energy(told.main?.kwh ?? Number.NaN, LOCALE));
    await expect(fleet.figure(/^Sum of/)).toContainText(energy(told.parts.kwh, LOCALE));
    const amount = formatMoney(told.loss?.amount ?? "", told.currency, LOCALE);
    await expect(fleet.figure("Lost in money")).toContainText(amount);
    await expect(fleet.figure("Lost in money")).toContainText("₹7.25");
    await admin.patch("/api/settings", { main_meters: [], supply_rate_per_kwh: null });
  });
});

test.describe("a meter's page", () => {
  test("changes name, limits and owner, and says that it did", async ({ page, admin }) => {
    const id = own();
    await admin.post("/api/devices", { device_id: id });
    const device = new DevicePage(page);
    await openAsAdmin(page, `/devices/${id}`);
    await device.details.getByLabel("Name").fill("Stairs");
    await device.details.getByLabel(/^Highest power/).fill("12,5");
    await device.details.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Stairs" })).toBeVisible();
    await device.whose.getByLabel("Owner’s e-mail").fill(`${id}@example.org`);
    await device.whose.getByRole("button", { name: "Assign" }).click();
    await expect(device.whose.locator("dl")).toContainText(`${id}@example.org`);
    const now = await admin.device(id);
    expect([now.name, now.max_power_kw, now.owner]).toEqual(["Stairs", 12.5, `${id}@example.org`]);
  });

  test("gives another login beside the old one, and ends that", async ({ page, admin }) => {
    const id = own();
    await admin.post("/api/devices", { device_id: id });
    const device = new DevicePage(page);
    await openAsAdmin(page, `/devices/${id}`);
    await device.logins.getByRole("button", { name: "New login" }).click();
    await device.dialog.button("Make it").click();
    expect(await device.dialog.shown("User")).toBe(`${id}~2`);
    await device.dialog.done();
    await expect(device.logins.getByRole("listitem")).toHaveCount(2);
    await device.logins.getByRole("button", { name: "End the old one now" }).click();
    await expect(device.logins.getByRole("listitem")).toHaveCount(1);
  });

  test("replaces the meter with what both registers showed", async ({ page, admin }) => {
    const id = own();
    await admin.post("/api/devices", { device_id: id, name: "Flat 9", owner: `${id}@example.org` });
    await say(id, reading(id, 250));
    await expect.poll(async () => (await admin.device(id)).last_reading?.energy_kwh).toBe(250);
    const device = new DevicePage(page);
    await openAsAdmin(page, `/devices/${id}`);
    await device.end.getByRole("button", { name: "Replace the meter" }).click();
    await expect(device.dialog.box.getByText("last reading: 250.000 kWh")).toBeVisible();
    await device.dialog.field("Id of the new meter").fill(`${id}-new`);
    await device.dialog.field("Old register (kWh)").fill("250.5");
    await device.dialog.field("New register (kWh)").fill("0");
    await device.dialog.button("Replace").click();
    await expect(device.dialog.box.getByText("Shown this once")).toBeVisible();
    const fresh = await admin.device(`${id}-new`);
    expect([fresh.name, fresh.owner]).toEqual(["Flat 9", `${id}@example.org`]);
    const { edits } = await admin.get<{ edits: { after_kwh: number }[] }>(`/api/devices/${id}/edits`);
    expect(edits.map(({ after_kwh }) => after_kwh)).toEqual([250.5]);
  });

  test("disables, enables and revokes, the last only by its typed name", async ({ page, admin }) => {
    const id = own();
    await admin.post("/api/devices", { device_id: id });
    const device = new DevicePage(page);
    await openAsAdmin(page, `/devices/${id}`);
    await device.end.getByRole("button", { name: "Disable" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Disabled");
    await device.end.getByRole("button", { name: "Enable" }).click();
    await expect(page.getByRole("heading", { level: 1 })).not.toContainText("Disabled");
    await device.end.getByRole("button", { name: "Revoke" }).click();
    await expect(device.dialog.button("Revoke")).toBeDisabled();
    await device.dialog.box.getByRole("textbox").fill(id);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Revoked");
    expect((await admin.device(id)).revoked).toBe(true);
    await expect(device.logins.getByText("It has none")).toBeVisible();
  });
});

test("a refused meter is added where it was refused, and its reading is taken in", async ({
  page,
  admin,
}) => {
  const id = own();
  await say(id, reading(id, 77));
  const rejects = new RejectsPage(page);
  await openAsAdmin(page, "/rejects");
  const group = rejects.group("Unknown device", id);
  await expect(group).toContainText("1 time");
  await group.getByRole("button", { name: "Add this meter" }).click();
  await expect(rejects.dialog.field("Meter id")).toHaveValue(id);
  await rejects.dialog.button("Add").click();
  await rejects.dialog.done();
  await expect.poll(async () => (await admin.device(id)).last_reading?.energy_kwh).toBe(77);
});

test("the audit log tells who changed what, and that it is whole", async ({ page, admin }) => {
  const id = own();
  await admin.post("/api/devices", { device_id: id, name: "Terrace" });
  await admin.patch(`/api/devices/${id}`, { name: "Roof" });
  const audit = new AuditPage(page);
  await openAsAdmin(page, "/audit");
  await audit.filter({ subject: id });
  await expect(audit.entries).toHaveCount(2);
  // The newest first, in words, with who did it by name.
  await expect(audit.entries.first()).toContainText("Meter changed");
  await audit.entries.first().locator("summary").press("Enter");
  await expect(audit.entries.first()).toContainText("Roof");
  await expect(audit.entries.first().getByRole("link")).toBeVisible();
  await audit.filter({ subject: id, action: "device.", user: "cli" });
  await expect(page.getByText("Nothing is like that")).toBeVisible();
  await audit.chain.getByRole("button", { name: "Check all of it" }).click();
  await expect(audit.chain).toContainText("It is whole");
});

test.describe("people", () => {
  test("somebody gets in by a link, and is found, changed, signed out, shut out", async ({
    page,
    admin,
    browser,
  }) => {
    const who = own();
    const email = `${who}@example.org`;
    const people = new PeoplePage(page);
    await openAsAdmin(page, "/people");
    await people.add(email, `Mira ${who}`);
    const link = await people.dialog.shown("Link");
    expect(link).toContain("/password#");
    await people.dialog.done();

    const theirs = await browser.newContext();
    const phone = await theirs.newPage();
    await phone.goto(link);
    await phone.getByLabel("New password", { exact: true }).fill("nine bees, one hive");
    await phone.getByLabel("New password again").fill("nine bees, one hive");
    await phone.getByRole("button", { name: "Save the password" }).click();
    await phone.getByRole("link", { name: "Sign in", exact: true }).click();
    await phone.getByLabel("E-mail").fill(email);
    await phone.getByLabel("Password", { exact: true }).fill("nine bees, one hive");
    await phone.keyboard.press("Enter");
    await expect(phone.getByRole("navigation", { name: "Pages" })).toBeVisible();

    await people.search.fill(who);
    await expect(people.rows).toHaveCount(1);
    await people.filter.selectOption("admin");
    await expect(page.getByText("Nobody is like that")).toBeVisible();
    await people.filter.selectOption("all");
    await page.getByRole("link", { name: `Mira ${who}` }).click();
    await people.part("Profile").getByLabel("Language").selectOption("हिन्दी");
    await people.part("Profile").getByRole("button", { name: "Save" }).click();
    const id = page.url().split("/").pop() ?? "";
    await expect
      .poll(async () => (await admin.get<{ language: string | null }>(`/api/users/${id}`)).language)
      .toBe("hi");
    await people
      .part("Sessions")
      .getByRole("button", { name: /^End the session/ })
      .click();
    await expect(people.part("Sessions")).toContainText("Signed in nowhere.");
    await people.part("Access").getByRole("button", { name: "Disable" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Disabled");
    await expect(people.part("Access").getByRole("button", { name: "Make a link" })).toBeDisabled();
    await theirs.close();
  });

  test("what is held is exported, and erased by the typed address", async ({ page, admin }) => {
    const email = `${own()}@example.org`;
    const { id } = await admin.post<{ id: string }>("/api/users", { email, name: "Nils" });
    const people = new PeoplePage(page);
    await openAsAdmin(page, `/people/${id}`);
    const data = people.part("What is held about them");
    const download = page.waitForEvent("download");
    await data.getByRole("button", { name: "Export" }).click();
    const held = JSON.parse(await readFile(await (await download).path(), "utf8")) as { user: object };
    expect(JSON.stringify(held.user)).toContain(email);
    await data.getByRole("button", { name: "Erase" }).click();
    await expect(people.dialog.box).toContainText(
      "issued invoices, with the name that they were issued with",
    );
    await people.dialog.box.getByRole("textbox").fill(email);
    await people.dialog.button("Erase").click();
    await expect(page).toHaveURL(/\/people$/);
    const { users } = await admin.get<{ users: object[] }>("/api/users", { email });
    expect(users).toEqual([]);
  });

  test.describe("somebody who is there already", () => {
    test.use({ allowed: [/Failed to load resource.*409/] });

    test("is not added again, and what was typed stays", async ({ page }) => {
      const people = new PeoplePage(page);
      await openAsAdmin(page, "/people");
      await people.add("asha@example.org", "Another Asha");
      await expect(people.dialog.box.getByText(/somebody has this address already/)).toBeVisible();
      await expect(people.dialog.field("Name")).toHaveValue("Another Asha");
    });
  });
});

test("an API key is shown once, does what its scopes say, is rotated and revoked", async ({
  page,
  request,
}) => {
  const name = own();
  const keys = new KeysPage(page);
  const status = async (key: string, path: string) =>
    (await request.get(path, { headers: { Authorization: `Bearer ${key}` } })).status();
  await openAsAdmin(page, "/keys");
  await keys.make(name, []);
  await expect(keys.dialog.box.getByText("Choose at least one")).toBeVisible();
  await keys.dialog.box.getByRole("checkbox", { name: "devices:read" }).check();
  await keys.dialog.button("Make it").click();
  const first = await keys.dialog.shown("Key");
  await keys.dialog.done();
  expect([await status(first, "/api/devices"), await status(first, "/api/accounts")]).toEqual([200, 403]);

  await keys
    .key(name)
    .getByRole("button", { name: `Rotate ${name}` })
    .click();
  await keys.dialog.button("Make the new secret").click();
  const second = await keys.dialog.shown("Key");
  await keys.dialog.done();
  expect(second).not.toBe(first);
  expect([await status(first, "/api/devices"), await status(second, "/api/devices")]).toEqual([200, 200]);

  await keys
    .key(name)
    .getByRole("button", { name: `Revoke ${name}` })
    .click();
  await keys.dialog.box.getByRole("textbox").fill(name);
  await keys.dialog.button("Revoke").click();
  await expect(keys.key(name)).toContainText("Revoked");
  expect([await status(first, "/api/devices"), await status(second, "/api/devices")]).toEqual([401, 401]);
});

test("settings tell what the server was started with, and no secret", async ({ page }) => {
  await openAsAdmin(page, "/settings");
  const settings = new SettingsPage(page);
  await expect(settings.server).toContainText("SMARTMETER_SELLER_NAME");
  await expect(settings.server).toContainText("Lake View Society");
  await expect(page.getByText(/PASSWORD/)).toHaveCount(0);
});

test("a release is halted with a reason and goes on, and its meters are seen", async ({ page, admin }) => {
  const release = "1.1.0 for demo";
  const firmware = new FirmwarePage(page);
  await expect
    .poll(() =>
      admin.get<{ devices: object[] }>("/api/firmware/1/devices").then(({ devices }) => devices.length),
    )
    .toBe(1);
  await openAsAdmin(page, "/firmware");
  const card = firmware.release(release);
  await expect(card.getByText("Rolling out")).toBeVisible();
  await firmware.showMeters(release);
  await expect(firmware.meters(release).getByRole("listitem")).toHaveText(/off-001.*Offered/);
  await firmware.halt("1.1.0", "a meter in the yard is slow");
  await expect(card.getByText("Halted")).toBeVisible();
  await expect(card.getByText("a meter in the yard is slow")).toBeVisible();
  await firmware.resume("1.1.0");
  await expect(card.getByText("Rolling out")).toBeVisible();
  await firmware.meters(release).getByRole("link", { name: "off-001" }).click();
  const own = page.getByRole("region", { name: "Firmware" });
  await expect(own.getByText("1.0.0")).toBeVisible();
  await expect(own.getByLabel("Cohort")).toHaveValue("all");
});
