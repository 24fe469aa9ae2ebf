import { NativeSelect } from "@mantine/core";
import { useSearchParams } from "wouter";
import { monthName } from "../../lib/format";
import { useNow, usePlace } from "../../lib/hooks";
import { addMonths, dateOf, isMonth, type LocalMonth, monthOf } from "../../lib/zone";
import { useText } from "../../text/text";

const OFFERED = 36;

/** A month that is over, kept in the address: the last one unless another is asked for. */
export function useBilledMonth(): [LocalMonth, (month: LocalMonth) => void, LocalMonth] {
  const { timezone } = usePlace();
  const [params, setParams] = useSearchParams();
  const last = addMonths(monthOf(dateOf(useNow(60_000), timezone)), -1);
  const asked = params.get("month");
  const month = isMonth(asked) && asked <= last ? asked : last;
  const choose = (next: LocalMonth) =>
    setParams(
      (before) => {
        before.set("month", next);
        return before;
      },
      { replace: true },
    );
  return [month, choose, last];
}

interface SelectProps {
  month: LocalMonth;
  last: LocalMonth;
  onChange: (month: LocalMonth) => void;
}

export function MonthSelect({ month, last, onChange }: SelectProps) {
  const { t } = useText("run");
  const { locale } = usePlace();
  const offered = Array.from({ length: OFFERED }, (_, i) => addMonths(last, -i));
  if (!offered.includes(month)) offered.push(month);
  return (
    <NativeSelect
      label={t("month")}
      value={month}
      data={offered.map((value) => ({ value, label: monthName(value, locale) }))}
      onChange={({ currentTarget: { value } }) => onChange(value)}
    />
  );
}
