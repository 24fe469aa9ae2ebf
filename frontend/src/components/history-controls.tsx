import { ActionIcon, Button, SegmentedControl } from "@mantine/core";
import { step, type View } from "../lib/range";
import type { LocalDate } from "../lib/zone";
import { useText } from "../text/text";
import { DateField } from "./date-field";
import css from "./history-controls.module.css";
import { Icon } from "./icon";

interface HistoryControlsProps {
  view: View;
  date: LocalDate;
  today: LocalDate;
  /** The range is the one with today in it: there is nothing after it. */
  last: boolean;
  onChange: (view: View, date: LocalDate) => void;
}

const views: View[] = ["day", "week", "month"];

export function HistoryControls({ view, date, today, last, onChange }: HistoryControlsProps) {
  const { t } = useText("history");
  const move = (by: number) => {
    const next = step(view, date, by);
    onChange(view, next > today ? today : next);
  };
  return (
    <div className={css.controls}>
      <SegmentedControl
        data={views.map((value) => ({ value, label: t(`view.${value}`) }))}
        value={view}
        onChange={(next) => onChange(next as View, date)}
        aria-label={t("span")}
      />
      <div className={css.steps}>
        <ActionIcon variant="default" size={36} onClick={() => move(-1)} aria-label={t(`previous.${view}`)}>
          <Icon name="back" size={18} />
        </ActionIcon>
        <DateField date={date} today={today} onChange={(next) => onChange(view, next)} />
        <ActionIcon
          variant="default"
          size={36}
          disabled={last}
          onClick={() => move(1)}
          aria-label={t(`next.${view}`)}
        >
          <Icon name="next" size={18} />
        </ActionIcon>
        {!last && (
          <Button variant="subtle" px="xs" onClick={() => onChange(view, today)}>
            {t("today")}
          </Button>
        )}
      </div>
    </div>
  );
}
