import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { previewTariff } from "../../api/office";
import type { NewTariff } from "../../api/types";
import { usePlace } from "../../lib/hooks";
import { formatMoney, minorDigits, scaled, sumMoney } from "../../lib/money";
import type { LocalMonth } from "../../lib/zone";
import { useText } from "../../text/text";
import { BillTable } from "../bill-table";
import { Dialog } from "../dialog";
import { MoreRows, useRows } from "./more-rows";
import { useAccountName } from "./names";
import css from "./office.module.css";
import { TableRegion, Trouble } from "./parts";
import type { PreviewRow } from "./preview";

interface TableProps {
  rows: readonly PreviewRow[];
  month: LocalMonth;
  tariff: NewTariff;
}

const magnitude = (value: bigint) => (value < 0n ? -value : value);

/** The two bills of one account, line by line. */
function BothBills({ row, month, tariff }: { row: PreviewRow; month: LocalMonth; tariff: NewTariff }) {
  const { t } = useText("editor");
  const { data, error } = useQuery({
    queryKey: ["preview-of", row.account_id, row.device_id, month, tariff],
    queryFn: () => {
      const whose = row.account_id === null ? { device_id: row.device_id } : { account_id: row.account_id };
      return previewTariff({ tariff, month, ...whose }, undefined);
    },
  });
  const both = data?.accounts[0];
  return (
    <div className={css.both}>
      <Trouble error={error} />
      {!data && !error && <Skeleton height={280} radius={10} aria-label={t("common:loading")} />}
      {both?.old_bill && (
        <div>
          <h3>{t("oldBill")}</h3>
          <BillTable id={both.old_bill.device_id} bill={both.old_bill} running={false} />
        </div>
      )}
      {both?.new_bill && (
        <div>
          <h3>{t("newBill")}</h3>
          <BillTable id={both.new_bill.device_id} bill={both.new_bill} running={false} />
        </div>
      )}
    </div>
  );
}

/** Each account's month, the largest change first, with the sums of all. */
export function PreviewTable({ rows, month, tariff }: TableProps) {
  const { t } = useText("editor");
  const { locale, currency } = usePlace();
  const nameOf = useAccountName();
  const [shown, setShown] = useState<PreviewRow | null>(null);
  const money = (amount: string) => formatMoney(amount, currency, locale);
  const change = ({ difference }: PreviewRow) => scaled(difference ?? "0", minorDigits(currency)) ?? 0n;
  const billed = rows.filter(({ error }) => error === null);
  const sum = (of: "old_total" | "new_total" | "difference") =>
    money(
      sumMoney(
        billed.map((row) => row[of] ?? "0"),
        currency,
      ),
    );
  const sorted = rows.toSorted((a, b) => (magnitude(change(b)) > magnitude(change(a)) ? 1 : -1));
  const { shown: shownRows, more } = useRows(sorted, "");
  const dearer = billed.filter((row) => change(row) > 0n).length;
  const cheaper = billed.filter((row) => change(row) < 0n).length;
  const label = (row: PreviewRow) => (row.account_id === null ? row.device_id : nameOf(row.account_id));
  return (
    <>
      <p>
        {t("dearer", { count: dearer })}, {t("cheaper", { count: cheaper })}.
      </p>
      <TableRegion label={t("preview")}>
        <thead>
          <tr>
            <th scope="col">{t("account")}</th>
            <th scope="col" className={css.num}>
              {t("used")}
            </th>
            <th scope="col" className={css.num}>
              {t("old")}
            </th>
            <th scope="col" className={css.num}>
              {t("new")}
            </th>
            <th scope="col" className={css.num}>
              {t("difference")}
            </th>
          </tr>
        </thead>
        <tbody>
          {shownRows.map((row) => (
            <tr key={row.account_id ?? row.device_id}>
              <th scope="row">
                <Button
                  variant="subtle"
                  size="compact-sm"
                  disabled={row.error !== null}
                  onClick={() => setShown(row)}
                  aria-label={t("compare", { account: label(row) })}
                >
                  {label(row)}
                </Button>
              </th>
              {row.error !== null ? (
                <td colSpan={4}>{t("noBill", { why: row.error })}</td>
              ) : (
                <>
                  <td className={css.num}>{row.consumption_kwh} kWh</td>
                  <td className={css.num}>{money(row.old_total ?? "0")}</td>
                  <td className={css.num}>{money(row.new_total ?? "0")}</td>
                  <td className={`${css.num} ${change(row) > 0n ? css.dearer : css.cheaper}`}>
                    {money(row.difference ?? "0")}
                  </td>
                </>
              )}
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{t("accounts", { count: billed.length })}</th>
            <td />
            <td className={css.num}>{sum("old_total")}</td>
            <td className={css.num}>{sum("new_total")}</td>
            <td className={css.num} data-testid="difference">
              {sum("difference")}
            </td>
          </tr>
        </tfoot>
      </TableRegion>
      <MoreRows {...more} />
      <Dialog
        opened={shown !== null}
        onClose={() => setShown(null)}
        title={shown ? t("bills", { account: label(shown) }) : ""}
        size="xl"
      >
        {shown && <BothBills row={shown} month={month} tariff={tariff} />}
      </Dialog>
    </>
  );
}
