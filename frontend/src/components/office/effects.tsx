import type { RebillEffects } from "../../api/types";
import { monthName } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney } from "../../lib/money";
import { useText } from "../../text/text";
import { useAccountName } from "./names";
import css from "./office.module.css";
import { TableRegion } from "./parts";

const SHOWN = 50;

/** Issued invoices that a version would make other ones of. */
export function Effects({ effects }: { effects: RebillEffects }) {
  const { t } = useText("editor");
  const { locale } = usePlace();
  const nameOf = useAccountName();
  const money = (amount: string) => formatMoney(amount, effects.currency, locale);
  if (effects.count === 0) return <p className={css.good}>{t("effectsNone")}</p>;
  return (
    <div>
      <p>
        <strong>{t("effects", { count: effects.count })}.</strong>{" "}
        {t("effectsSum", { old: money(effects.old_total), new: money(effects.new_total) })}
      </p>
      <TableRegion label={t("effects", { count: effects.count })}>
        <thead>
          <tr>
            <th scope="col">{t("invoice")}</th>
            <th scope="col">{t("account")}</th>
            <th scope="col" className={css.num}>
              {t("old")}
            </th>
            <th scope="col" className={css.num}>
              {t("new")}
            </th>
          </tr>
        </thead>
        <tbody>
          {effects.invoices.slice(0, SHOWN).map(({ number, month, account_id, old_total, new_total }) => (
            <tr key={number}>
              <th scope="row">
                {number}
                <small>{monthName(month, locale)}</small>
              </th>
              <td>{nameOf(account_id)}</td>
              <td className={css.num}>{money(old_total)}</td>
              <td className={css.num}>{money(new_total)}</td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      {effects.count > SHOWN && <p className="soft">{t("effectsFirst", { count: SHOWN })}</p>}
    </div>
  );
}
