import type { PersonPage } from "../../frontend/src/api/admin-types.ts";
import type { AlertPage, Device, Notifications, Thresholds } from "../../frontend/src/api/types.ts";
import { test as adminTest, openAsAdmin, say } from "./admin-server.ts";
import { expect, open, signIn, test } from "./fixtures.ts";
import { judge } from "./judge.ts";
import { AlertsPage, LimitsForm } from "./pages/alerts.ts";
import { publish, type Server } from "./server.ts";
import { target } from "./target.ts";

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };
const HIGH = 250;

// What one test sets, the next ones judge by.
test.describe.configure({ mode: "serial" });

const thresholds = (server: Server) => server.get<Thresholds>(`/api/devices/${target.device}/thresholds`);

/** Lets the meter see a voltage, now. */
async function volts(server: Server, voltage: number): Promise<void> {
  await publish(await server.lastReading(), 500, voltage);
}

test.describe("while the list can't be had", () => {
  test.use({ allowed: [/ERR_FAILED/], serviceWorkers: "block" });

  for (const [name, viewport] of Object.entries(sizes))
    test(`it is said, and what was chosen stays, on a ${name}`, async ({ page }) => {
      await page.setViewportSize(viewport);
      await open(page, "/");
      await page.route("**/api/alerts?**", (route) => route.abort());
      await page.goto("/alerts?state=ended");
      await expect(page.getByRole("alert")).toContainText("The alerts could not be loaded");
      await expect(page.getByRole("alert")).toContainText("The server can't be reached");
      await judge(page, `alerts-away-${name}`);
      await page.unrouteAll();
      await page.getByRole("button", { name: "Try again" }).click();
      await expect(page.getByRole("alert")).toHaveCount(0);
      await expect(new AlertsPage(page).filter("State")).toHaveValue("ended");
    });
});

test.describe("thresholds", () => {
  test.use({ allowed: [/Failed to load resource.*422/] });

  test("keep what was typed beside what the server says of it, and hold once it takes them", async ({
    page,
    server,
  }) => {
    await open(page, `/meters/${target.device}`);
    await page
      .getByRole("navigation", { name: /^Pages of/ })
      .getByRole("link", { name: "Alerts" })
      .click();
    const form = new LimitsForm(page);
    await expect(form.hint("voltage_low.below_v")).toHaveText("Otherwise 207 V");
    await expect(form.hint("silent.after_s")).toHaveText("Otherwise 30 minutes");
    await form.field("voltage_low.below_v").fill("260");
    await form.field("silent.after_s").fill("0.5");
    await form.field("budget_energy.month_kwh").fill("many");
    await form.save();
    await expect(form.fault("budget_energy.month_kwh")).toHaveText("Give a number such as 12.5");
    await form.field("budget_energy.month_kwh").fill("");
    await form.save();
    await expect(form.fault("voltage_low.below_v")).toContainText("below the upper limit");
    // Half a minute; the server's sixty seconds are a minute here.
    await expect(form.fault("silent.after_s")).toHaveText("Give a number from 1 to 10,080");
    await expect(form.field("voltage_low.below_v")).toBeFocused();
    await expect(form.field("voltage_low.below_v")).toHaveValue("260");
    expect((await thresholds(server)).given).toEqual({});

    await form.field("voltage_low.below_v").fill("");
    await form.field("silent.after_s").fill("");
    await form.field("voltage_high.above_v").fill("240");
    await form.finer("voltage_high");
    await form.field("voltage_high.for_s").fill("0");
    await form.field("voltage_high.clear_s").fill("0");
    await form.kind("night_baseload").getByRole("checkbox").uncheck();
    await form.save();
    await expect(form.saved).toBeVisible();
    expect((await thresholds(server)).given).toEqual({
      voltage_high: { above_v: 240, for_s: 0, clear_s: 0 },
      night_baseload: { enabled: false },
    });
    await page.reload();
    await expect(form.field("voltage_high.above_v")).toHaveValue("240");
    await expect(form.kind("night_baseload").getByRole("checkbox")).not.toBeChecked();
  });
});

for (const [size, viewport] of Object.entries(sizes))
  test.describe(size, () => {
    test.use({
      viewport,
      colorScheme: size === "phone" ? "dark" : "light",
      contextOptions: { reducedMotion: "reduce" },
    });

    test("an alert is raised live, told, acknowledged and over", async ({ page, server }) => {
      const { name } = await server.get<Device>(`/api/devices/${target.device}`);
      await open(page, "/tariffs");
      const alerts = new AlertsPage(page);
      await alerts.count(0);
      await volts(server, HIGH);
      await expect(alerts.toast).toContainText("Voltage too high");
      await expect(alerts.toast).toContainText(name ?? target.device);
      await expect(alerts.toast).toContainText("The voltage rose to 250.0 V; the limit is 240.0 V.");
      await alerts.count(1);
      await expect(alerts.bell).toHaveAccessibleName("Alerts, 1 to acknowledge");
      await judge(page, `alert-toast-${size}`);
      await alerts.toast.getByRole("link").click();
      const row = alerts.rows("voltage_high");
      await expect(row).toHaveCount(1);
      await expect(row).toHaveAttribute("data-state", "open");
      await row.getByRole("button", { name: /^Acknowledge/ }).click();
      await expect(row).toHaveAttribute("data-state", "acknowledged");
      await expect(row).toContainText(/Acknowledged \d+ \w+/);
      await alerts.count(0);
      await expect(alerts.toast).toBeEmpty();
      await volts(server, 231);
      await expect(row).toHaveAttribute("data-state", "ended");
      await page.reload();
      await expect(page.getByText("Nothing is going on")).toBeVisible();
      await page.getByRole("link", { name: "in the list of all alerts" }).click();
      await expect(row.first()).toHaveAttribute("data-state", "ended");
    });
  });

test.describe("in Hindi", () => {
  test.use({ locale: "hi-IN" });

  test("an alert is told in its words and numbers", async ({ page }) => {
    await page.goto("/alerts?state=all&kind=voltage_high");
    await signIn(page);
    const row = new AlertsPage(page).rows("voltage_high").first();
    await expect(row).toContainText("वोल्टेज बहुत अधिक");
    await expect(row).toContainText("वोल्टेज बढ़कर 250.0 V हो गया; सीमा 240.0 V है।");
  });
});

test.describe("being told", () => {
  test.skip(!target.person, "SMARTMETER_TEST_PERSON is not set");
  test.use({ allowed: [/Failed to load resource.*422/] });

  test("is set in the profile, as the server takes it", async ({ page, request }) => {
    await page.goto("/profile");
    await signIn(page, target.password, target.person);
    const form = page.getByRole("form", { name: "Being told of alerts" });
    await form.getByLabel(/^By e-mail/).check();
    await form.getByLabel(/^Not in quiet hours/).check();
    await form.getByLabel("From").fill("22:00");
    await form.getByLabel("To", { exact: true }).fill("22:00");
    await form.getByLabel("Only of some").check();
    for (const kind of ["Meter silent", "Use at odd hours"]) await form.getByLabel(kind).uncheck();
    await form.getByRole("button", { name: "Save how I am told" }).click();
    await expect(form.getByText("It must differ from the beginning")).toBeVisible();
    await expect(form.getByLabel("To", { exact: true })).toHaveValue("22:00");
    await form.getByLabel("To", { exact: true }).fill("07:00");
    await form.getByRole("button", { name: "Save how I am told" }).click();
    await expect(form.getByText("Saved", { exact: true })).toBeVisible();

    const data = { email: target.person, password: target.password };
    const { token } = await (await request.post("/api/auth/login", { data })).json();
    const headers = { Authorization: `Bearer ${token}` };
    const told = (await (await request.get("/api/me/notifications", { headers })).json()) as Notifications;
    expect(told.email).toBe(true);
    expect(told.quiet_hours).toEqual({ from: "22:00", to: "07:00" });
    expect(told.kinds).toHaveLength(8);
    expect(told.kinds).not.toContain("silent");
    await page.reload();
    await expect(form.getByLabel("Meter silent")).not.toBeChecked();
  });
});

/** So many alerts of a meter in one message: its voltage goes up and down every second. */
async function storm(device: string, count: number): Promise<void> {
  const begin = Date.now() - count * 2000 - 5000;
  const readings = Array.from({ length: count * 2 }, (_, i) => ({
    device_id: device,
    timestamp: new Date(begin + i * 1000).toISOString(),
    voltage: i % 2 === 0 ? HIGH : 231,
    current: 1,
    power_w: 230,
    energy_kwh: 1,
  }));
  await say(device, JSON.stringify(readings));
}

adminTest.describe("an administrator", () => {
  adminTest("sees the alerts of all meters, by meter and kind, page by page", async ({ page, admin }) => {
    const device = `storm-${Date.now().toString(36)}`;
    await admin.post("/api/devices", { device_id: device, name: "Storm cellar" });
    await admin.put(`/api/devices/${device}/thresholds`, {
      thresholds: { voltage_high: { above_v: 240, for_s: 0, clear_s: 0 } },
    });
    await storm(device, 60);
    const found = () => admin.get<AlertPage>("/api/alerts", { device, limit: "100", state: "ended" });
    await expect.poll(async () => (await found()).alerts.length).toBe(60);

    await openAsAdmin(page, "/alerts?state=all");
    const alerts = new AlertsPage(page);
    await alerts.filter("Meter").fill("storm cellar");
    await expect(page).toHaveURL(new RegExp(`meter=${device}`));
    await expect(page.getByRole("status").filter({ hasText: "The newest 50" })).toBeVisible();
    await expect(alerts.rows()).toHaveCount(50);
    await page.getByRole("button", { name: "Show older ones" }).click();
    await expect(alerts.rows("voltage_high")).toHaveCount(60);
    await expect(page.getByRole("status").filter({ hasText: "60 alerts" })).toBeVisible();
    await alerts.filter("Kind").selectOption("Meter silent");
    await expect(page.getByText("No alerts", { exact: true })).toBeVisible();

    // Who it was is theirs to know.
    const { users } = await admin.get<PersonPage>("/api/users", { email: target.email });
    await page.goto(`/alerts?state=all&meter=${target.device}`);
    await expect(alerts.rows("voltage_high").first()).toContainText(`by ${users[0]?.name ?? target.email}`);
  });

  adminTest("sees what an owner has set over the operator's word", async ({ page, admin }) => {
    await openAsAdmin(page, `/devices/${target.device}`);
    const form = new LimitsForm(page);
    await expect(form.hint("voltage_high.above_v")).toHaveText("Its owner has set 240 V");
    await form.field("silent.after_s").fill("45");
    await form.save();
    await expect(form.saved).toBeVisible();
    const { thresholds, given } = await admin.get<Thresholds>(`/api/devices/${target.device}/thresholds`);
    expect(given).toEqual({ silent: { after_s: 2700 } });
    expect(thresholds.voltage_high?.above_v).toBe(240);
  });
});
