import type {
  Bill,
  ComingTariff,
  DisputePage,
  EntryPage,
  Explanation,
  InvoiceDetail,
  InvoicePage,
  TariffPage,
} from "../../frontend/src/api/types.ts";
import { compareBills } from "../../frontend/src/lib/dearer.ts";
import { size } from "../../frontend/src/lib/decimal.ts";
import { dateTime, register } from "../../frontend/src/lib/format.ts";
import { formatMoney } from "../../frontend/src/lib/money.ts";
import { addDays, addMonths, dateOf, monthOf, rfc3339, startOfDay } from "../../frontend/src/lib/zone.ts";
import { expect, open, test } from "./fixtures.ts";
import { BillPage } from "./pages/bill.ts";
import { HistoryPage } from "./pages/history.ts";
import { NowPage } from "./pages/now.ts";
import { publish } from "./server.ts";
import { target } from "./target.ts";

const LOCALE = "en-IN";
const money = (amount: string) => formatMoney(amount, "INR", LOCALE);
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

for (const [name, viewport] of Object.entries(sizes))
  test.describe(name, () => {
    test.use({ viewport, hasTouch: name === "phone" });

    test("now moves with the meter, and says how old it is", async ({ page, server }) => {
      await open(page, "/");
      // Who has one meter begins with it.
      await expect(page).toHaveURL(new RegExp(`${NowPage.path}$`));
      const now = new NowPage(page);
      const before = await server.lastReading();
      await publish(before, before?.power_w === 1834.5 ? 1534.5 : 1834.5);
      await expect(now.watts).toHaveText(/^1,[58]3[45]W$/);
      for (const [name, value] of [
        ["Voltage", "231.5 V"],
        ["Current", "5.50 A"],
        ["Power factor", "0.97"],
      ] as const)
        await expect(now.value(now.meter, name)).toHaveText(value);
      await expect(now.meter).toHaveAttribute("data-state", "online");
      await expect(now.meter).toContainText("just now");
      await expect(now.meter).toContainText(/\d+ seconds? ago/);
      await expect(now.value(now.today, "Used")).toHaveText(/^\d+\.\d+ kWh$/);
      await expect(now.value(now.today, "About")).toHaveText(/^₹\d[\d,]*\.\d\d$/);
    });

    test("the month so far and to its end is what the server projects", async ({ page }) => {
      const answered = page.waitForResponse((answer) => answer.url().includes(`/billing/${target.device}?`));
      await open(page, NowPage.path);
      const bill = (await (await answered).json()) as Bill;
      const now = new NowPage(page);
      await expect(now.value(now.month, "So far")).toContainText(money(bill.total));
      const projected = now.value(now.month, "By its end");
      for (const amount of [bill.projection?.total, bill.projection?.low, bill.projection?.high])
        await expect(projected).toContainText(money(amount ?? ""));
    });

    test("a chart is moved by keys and pointer, and its figures with it", async ({ page, server }) => {
      const { timezone } = await server.site();
      const yesterday = addDays(dateOf(Date.now(), timezone), -1);
      await open(page, HistoryPage.path(`?view=day&date=${yesterday}`));
      const history = new HistoryPage(page);
      const chart = history.chart("Energy used");
      await expect(chart).toHaveAttribute("data-part", "false");
      expect(await history.csv("Energy used")).toHaveLength(25);
      await chart.press("+");
      await expect(chart).toHaveAttribute("data-part", "true");
      const close = await history.csv("Energy used");
      // 60 % of a day.
      expect(close.length).toBeLessThan(17);
      // Saving took the focus.
      await chart.press("ArrowRight");
      await expect.poll(async () => (await history.csv("Energy used"))[1]?.[0]).not.toBe(close[1]?.[0]);
      await chart.press("0");
      await expect(chart).toHaveAttribute("data-part", "false");

      const box = (await chart.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await chart.focus();
      await page.mouse.wheel(0, -300);
      await expect(chart).toHaveAttribute("data-part", "true");
      const wheeled = (await history.csv("Energy used"))[1]?.[0];
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.9, box.y + box.height / 2, { steps: 5 });
      await page.mouse.up();
      // Drawn to the right, an earlier time comes in sight.
      await expect
        .poll(async () => Date.parse((await history.csv("Energy used"))[1]?.[0] ?? ""))
        .toBeLessThan(Date.parse(wheeled ?? ""));
      await page.getByRole("button", { name: "All of it" }).click();
      await expect(chart).toHaveAttribute("data-part", "false");
      // All of it in sight, an arrow goes to the day before.
      await chart.press("ArrowLeft");
      await expect(page).toHaveURL(new RegExp(`date=${addDays(yesterday, -1)}`));
    });

    test("two fingers zoom", async ({ page, server }) => {
      test.skip(name !== "phone", "a phone's");
      const { timezone } = await server.site();
      await open(page, HistoryPage.path(`?view=day&date=${addDays(dateOf(Date.now(), timezone), -1)}`));
      const history = new HistoryPage(page);
      const chart = history.chart("Energy used");
      await chart.scrollIntoViewIfNeeded();
      const box = (await chart.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      const [middle, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const cdp = await page.context().newCDPSession(page);
      const touch = (type: "touchStart" | "touchMove" | "touchEnd", apart: number) =>
        cdp.send("Input.dispatchTouchEvent", {
          type,
          touchPoints:
            type === "touchEnd"
              ? []
              : [
                  { x: middle - apart, y, id: 1 },
                  { x: middle + apart, y, id: 2 },
                ],
        });
      await touch("touchStart", 30);
      for (const apart of [45, 60, 75, 90]) await touch("touchMove", apart);
      await touch("touchEnd", 0);
      await expect(chart).toHaveAttribute("data-part", "true");
      expect((await history.csv("Energy used")).length).toBeLessThan(14);
    });

    test("the CSV and the table are what the server measured", async ({ page, server }) => {
      const { timezone } = await server.site();
      const yesterday = addDays(dateOf(Date.now(), timezone), -1);
      const bounds = [yesterday, addDays(yesterday, 1)].map((day) => rfc3339(startOfDay(day, timezone)));
      const [from = "", to = ""] = bounds;
      await open(page, HistoryPage.path(`?view=day&date=${yesterday}`));
      const history = new HistoryPage(page);
      for (const [measure, agg] of [
        ["Energy used", "1h"],
        ["Power", "15m"],
        ["Voltage", "15m"],
      ] as const) {
        const { readings } = await server.buckets(agg, from, to);
        const [head = [], ...rows] = await history.csv(measure);
        const filled = rows.filter((row) => row[head.indexOf("energy_kwh")] !== "");
        expect(filled.map((row) => [row[0], Number(row[head.indexOf("energy_kwh")])])).toEqual(
          readings.map(({ timestamp, energy_kwh }) => [timestamp, energy_kwh]),
        );
        expect(filled.map((row) => Number(row[head.indexOf("voltage_min")]))).toEqual(
          readings.map(({ voltage_min }) => voltage_min),
        );
        await expect(await history.rows(measure)).toHaveCount(agg === "1h" ? 24 : 96);
      }
    });

    test("any range, and a month beside the one before", async ({ page, server }) => {
      const { timezone } = await server.site();
      const today = dateOf(Date.now(), timezone);
      await open(page, HistoryPage.path(`?view=any&from=${addDays(today, -3)}&until=${addDays(today, -1)}`));
      const history = new HistoryPage(page);
      await expect(await history.rows("Energy used")).toHaveCount(3);
      const month = monthOf(today);
      await page.goto(HistoryPage.path(`?view=month&date=${today}`));
      await history.compare();
      const [bill, earlier] = await Promise.all([server.bill(month), server.bill(addMonths(month, -1))]);
      await expect(page.getByTestId("energy-difference")).toContainText(/(more|less) than [\d.,]+ kWh/);
      await expect(page.getByTestId("money-difference")).toContainText(money(earlier.total));
      expect(bill.projection).toBeDefined();
      await page.goto(HistoryPage.path("?view=year"));
      await expect(history.chart("Energy used")).toBeVisible();
      await expect(await history.rows("Energy used")).toHaveCount(12);
    });

    test("a line is explained down to registers and times", async ({ page, server }) => {
      test.skip(!target.expectMonth, "EXPECT_MONTH names a month that is invoiced");
      const { timezone } = await server.site();
      const month = target.expectMonth ?? "";
      const explanation = await server.get<Explanation>(`/api/billing/${target.device}/explain`, { month });
      await open(page, BillPage.path(month));
      const bill = new BillPage(page);
      const line = explanation.lines.find(({ kind }) => kind === "energy");
      const shown = await bill.explain(line?.name ?? "");
      await expect(shown).toContainText(line?.text ?? "");
      for (const { stretches } of explanation.meters)
        for (const { at, kwh } of stretches.flatMap(({ edges }) => edges)) {
          await expect(shown).toContainText(dateTime(at, timezone, LOCALE));
          await expect(shown).toContainText(register(kwh, LOCALE));
        }
    });

    test("the next unit has a price, and the next slab a distance", async ({ page }) => {
      await open(page, BillPage.path());
      const { next } = new BillPage(page);
      await expect(next).toContainText(/₹\d+\.\d\d for one more kWh/);
      await expect(next).toContainText(/are left until \d+ kWh|This is the last slab/);
    });

    test("why a month was dearer adds up to the difference", async ({ page, server }) => {
      const { timezone } = await server.site();
      const last = addMonths(monthOf(dateOf(Date.now(), timezone)), -1);
      const [after, before] = await Promise.all([server.bill(last), server.bill(addMonths(last, -1))]);
      await open(page, BillPage.path());
      const { change } = new BillPage(page);
      for (const amount of [after.total, before.total]) await expect(change).toContainText(money(amount));
      const { tariffs } = await server.get<TariffPage>("/api/tariffs");
      const [segment] = before.segments ?? [];
      const priced = tariffs.find(
        ({ name, version }) => name === segment?.tariff && version === segment.version,
      );
      const { parts, difference } = compareBills(before, after, priced ?? null);
      await expect(change).toContainText(money(size(difference)));
      await expect(change.getByRole("listitem")).toHaveCount(parts.length);
    });

    test("the coming tariff is priced by the last month", async ({ page, server }) => {
      const coming = await server.get<ComingTariff>(`/api/billing/${target.device}/coming`);
      await open(page, BillPage.path());
      const panel = new BillPage(page).coming;
      if (!coming.tariff) {
        await expect(panel).toHaveCount(0);
        return;
      }
      await expect(panel).toContainText(coming.tariff.name);
      for (const amount of [coming.preview?.old_total, coming.preview?.new_total])
        await expect(panel).toContainText(money(amount ?? "?"));
    });

    test("what is owed is paid by UPI as the invoice says", async ({ page, server }) => {
      const { invoices } = await server.get<InvoicePage>(`/api/invoices/${target.device}`);
      const open_ = invoices.filter(({ status }) => status === "issued" || status === "overdue").at(-1);
      test.skip(!open_, "nothing is to be paid");
      const invoice = await server.get<InvoiceDetail>(`/api/invoices/${target.device}/${open_?.number}`);
      const entries = await server.get<EntryPage>(`/api/accounts/${invoice.account_id}/entries`);
      await open(page, BillPage.path());
      const { pay } = new BillPage(page);
      await expect(pay.getByTestId("balance")).toHaveText(money(entries.balance));
      test.skip(!invoice.upi, "no UPI address is set");
      if (invoice.upi?.amount === entries.balance)
        await expect(pay.getByTestId("upi")).toHaveAttribute("href", invoice.upi.link);
      await expect(pay.getByRole("img", { name: /^QR code to pay/ })).toBeVisible();
      await pay.getByText("All charges and payments").click();
      await expect(pay.locator("tbody tr")).toHaveCount(entries.entries.length);
    });
  });

test.describe("a question about an invoice", () => {
  test.use({ allowed: [/Failed to load resource|ERR_FAILED/] });

  test("keeps what was written through an error, and shows its state", async ({ page, server }) => {
    const { invoices } = await server.get<InvoicePage>(`/api/invoices/${target.device}`);
    const number = invoices.at(-1)?.number ?? "";
    test.skip(number === "", "nothing is issued");
    const { disputes } = await server.get<DisputePage>("/api/disputes", { open: "1" });
    test.skip(
      disputes.some(({ invoice }) => invoice === number),
      "it is questioned already",
    );
    const bill = new BillPage(page);
    await open(page, BillPage.path());
    const field = await bill.question(number);
    await field.fill("The lift is on my meter");
    await page.route(/\/dispute$/, (route) => route.abort());
    await bill.invoices.getByRole("button", { name: "Send" }).click();
    await expect(bill.invoices.getByRole("alert")).toContainText("can't be reached");
    await expect(field).toHaveValue("The lift is on my meter");
    await page.unroute(/\/dispute$/);
    await bill.invoices.getByRole("button", { name: "Send" }).click();
    await expect(bill.invoices.getByText(/^Question \d+, open/)).toBeVisible();
    await page.reload();
    await expect(bill.invoices.getByText("The lift is on my meter")).toBeVisible();
    await expect(bill.invoices.getByRole("button", { name: `Question this invoice: ${number}` })).toHaveCount(
      0,
    );
  });
});

test.describe("without an answer", () => {
  test.use({ allowed: [/Failed to load resource|ERR_FAILED/] });

  test("each part says what is missing, and goes on when it is asked again", async ({ page }) => {
    await open(page, NowPage.path);
    await page.route(/\/api\/billing\//, (route) => route.abort());
    await page.getByRole("link", { name: "Bill", exact: true }).click();
    await page.getByLabel("Month of the bill").selectOption({ index: 3 });
    await expect(page.getByText("There is no bill to show")).toBeVisible({ timeout: 30_000 });
    await page.unroute(/\/api\/billing\//);
    await page.getByTestId("bill").getByRole("button", { name: "Try again" }).click();
    await expect(new BillPage(page).total).toBeVisible();
  });
});
