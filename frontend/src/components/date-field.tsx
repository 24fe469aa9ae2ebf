import { TextInput } from "@mantine/core";
import { useState } from "react";
import { isDate, type LocalDate } from "../lib/zone";
import { useText } from "../text/text";

/** No reading is older. */
const EARLIEST = "2020-01-01";

interface DateFieldProps {
  date: LocalDate;
  today: LocalDate;
  onChange: (date: LocalDate) => void;
}

export function DateField({ date, today, onChange }: DateFieldProps) {
  const { t } = useText("history");
  // While a year is typed the field goes through 0002 and 0020: kept here, not yet meant.
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <TextInput
      type="date"
      aria-label={t("date")}
      min={EARLIEST}
      max={today}
      value={draft ?? date}
      onChange={({ currentTarget: { value } }) => {
        setDraft(value);
        if (isDate(value) && value >= EARLIEST && value <= today) onChange(value);
      }}
      onBlur={() => setDraft(null)}
    />
  );
}
