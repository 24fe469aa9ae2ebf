import type { UtilityRecovery } from "../../api/types";
import { measure } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney, minorDigits, scaled, sumMoney } from "../../lib/money";
import { useText } from "../../text/text";
import { useAccountName } from "./names";
import css from "./office.module.css";
import { TableRegion, Tag } from "./parts";

/** Own and supplier's, energy and money, side by side. */
export function SideBySide({ bill }: { bill: UtilityRecovery }) {
  const { t } = useText("utility");
  const { locale } = usePlace();
  const { energy, money } = bill;
  const kwh = (value: number) => measure(value, 1, "kWh", locale);
  const amount = (text: string) => formatMoney(text, bill.currency, locale);
  const covered = (scaled(money.difference, minorDigits(bill.currency)) ?? 0n) >= 0n;
  return (
    <>
      <TableRegion label={t("sideBySide")}>
        <thead>
          <tr>
            <td />
            <th scope="col" className={css.num}>
              {t("own")}
            </th>
            <th scope="col" className={css.num}>
              {t("theirs")}
            </th>
            <th scope="col" className={css.num}>
              {t("difference")}
            </th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{t("energyRow")}</th>
            <td className={css.num}>
              {kwh(energy.flats_kwh)}
              <small>{t("energyFlats")}</small>
            </td>
            <td className={css.num}>
              {kwh(energy.billed_kwh)}
              <small>{t("energyBilled")}</small>
              {kwh(energy.main_kwh)}
              <small>
                {t("energyMain")}
                {energy.main_estimated && `, ${t("mainEstimated")}`}
              </small>
            </td>
            <td className={css.num}>
              {kwh(energy.difference_kwh)}
              <small>{t("energyCommon")}</small>
            </td>
          </tr>
          <tr>
            <th scope="row">{t("moneyRow")}</th>
            <td className={css.num}>
              {amount(money.invoiced)}
              <small>{t("moneyInvoiced")}</small>
            </td>
            <td className={css.num}>
              {amount(money.cost)}
              <small>{t("moneyCost")}</small>
              {amount(money.energy_cost)}
              <small>{t("moneyEnergy")}</small>
              {amount(money.common_cost)}
              <small>{t("moneyCommon")}</small>
            </td>
            <td className={css.num} data-testid="recovery-difference">
              {amount(money.difference)}
            </td>
          </tr>
        </tbody>
      </TableRegion>
      <p style={{ marginTop: 10 }}>
        {t(covered ? "covered" : "short", { amount: amount(money.difference.replace("-", "")) })}
      </p>
      {money.not_invoiced > 0 && <p className="soft">{t("notInvoiced", { count: money.not_invoiced })}</p>}
      {money.prorated && <p className="soft">{t("prorated")}</p>}
    </>
  );
}

/** The cost parted among the accounts, to the smallest unit. */
export function Parts({ bill }: { bill: UtilityRecovery }) {
  const { t } = useText("utility");
  const { locale } = usePlace();
  const nameOf = useAccountName();
  const amount = (text: string) => formatMoney(text, bill.currency, locale);
  const sum = (of: "energy_cost" | "common_cost" | "invoiced") =>
    amount(
      sumMoney(
        bill.accounts.map((account) => account[of]),
        bill.currency,
      ),
    );
  return (
    <TableRegion label={t("accounts")}>
      <thead>
        <tr>
          <th scope="col">{t("account")}</th>
          <th scope="col" className={css.num}>
            {t("used")}
          </th>
          <th scope="col" className={css.num}>
            {t("energyCost")}
          </th>
          <th scope="col" className={css.num}>
            {t("commonCost")}
          </th>
          <th scope="col" className={css.num}>
            {t("invoiced")}
          </th>
        </tr>
      </thead>
      <tbody>
        {bill.accounts.map((account) => (
          <tr key={account.account_id}>
            <th scope="row">{nameOf(account.account_id)}</th>
            <td className={css.num}>
              {measure(account.kwh, 1, "kWh", locale)}
              {account.estimated && (
                <small>
                  <Tag tone="warn">{t("mainEstimated")}</Tag>
                </small>
              )}
            </td>
            <td className={css.num}>{amount(account.energy_cost)}</td>
            <td className={css.num}>{amount(account.common_cost)}</td>
            <td className={css.num}>{amount(account.invoiced)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">{t("sum")}</th>
          <td />
          <td className={css.num}>{sum("energy_cost")}</td>
          <td className={css.num}>{sum("common_cost")}</td>
          <td className={css.num}>{sum("invoiced")}</td>
        </tr>
      </tfoot>
    </TableRegion>
  );
}
