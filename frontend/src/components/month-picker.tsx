import { ActionIcon, NativeSelect } from "@mantine/core";
import { monthName } from "../lib/format";
import { usePlace } from "../lib/hooks";
import { addMonths, type LocalMonth } from "../lib/zone";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { Icon } from "./icon";

const OFFERED = 24;

interface MonthPickerProps {
  month: LocalMonth;
  current: LocalMonth;
  onChange: (month: LocalMonth) => void;
}

export function MonthPicker({ month, current, onChange }: MonthPickerProps) {
  const { t } = useText("bill");
  const { locale } = usePlace();
  const offered = Array.from({ length: OFFERED }, (_, i) => addMonths(current, -i));
  if (!offered.includes(month)) offered.push(month);
  return (
    <div className={css.picker}>
      <ActionIcon
        variant="default"
        size={36}
        onClick={() => onChange(addMonths(month, -1))}
        aria-label={t("previous")}
      >
        <Icon name="back" size={18} />
      </ActionIcon>
      <NativeSelect
        aria-label={t("month")}
        value={month}
        data={offered.map((value) => ({ value, label: monthName(value, locale) }))}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <ActionIcon
        variant="default"
        size={36}
        disabled={month >= current}
        onClick={() => onChange(addMonths(month, 1))}
        aria-label={t("next")}
      >
        <Icon name="next" size={18} />
      </ActionIcon>
    </div>
  );
}
