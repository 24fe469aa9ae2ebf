import { TextInput } from "@mantine/core";
import { useState } from "react";
import { isDate, type LocalDate } from "../lib/zone";

/** No reading is older. */
const EARLIEST = "2020-01-01";

interface DateFieldProps {
  label: string;
  date: LocalDate;
  today: LocalDate;
  onChange: (date: LocalDate) => void;
}

export function DateField({ label, date, today, onChange }: DateFieldProps) {
  // While a year is typed the field goes through 0002 and 0020: kept here, not yet meant.
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <TextInput
      type="date"
      aria-label={label}
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
