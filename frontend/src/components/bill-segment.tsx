import type { BillSegment } from "../api/types";
import { dateOnly, measure } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { useText } from "../text/text";
import css from "./bill.module.css";

/** Heads the lines of one version of the tariff, in a month that has more than one. */
export function BillSegmentRow({ segment }: { segment: BillSegment }) {
  const { t } = useText("bill");
  const { locale, timezone } = usePlace();
  const { tariff, version, from, days, consumption_kwh } = segment;
  return (
    <tr className={css.segment}>
      <th scope="rowgroup" colSpan={4}>
        {t("segment", { tariff, version, date: dateOnly(from, timezone, locale) })}
        <small>
          {t("common:day", { count: days })}, {measure(consumption_kwh, 3, "kWh", locale)}
        </small>
      </th>
    </tr>
  );
}
