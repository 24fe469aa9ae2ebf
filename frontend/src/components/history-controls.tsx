import { ActionIcon, Button, SegmentedControl } from "@mantine/core";
import { type Range, VIEWS, type View } from "../lib/range";
import { addDays, earlier, type LocalDate } from "../lib/zone";
import { useText } from "../text/text";
import { DateField } from "./date-field";
import css from "./history-controls.module.css";
import { Icon } from "./icon";
import "../text/later";

interface HistoryControlsProps {
  range: Range;
  /** The day that a day, week, month or year was chosen by. */
  date: LocalDate;
  today: LocalDate;
  onView: (view: View) => void;
  onDate: (date: LocalDate) => void;
  onBetween: (first: LocalDate, last: LocalDate) => void;
  onStep: (by: -1 | 1) => void;
}

export function HistoryControls(props: HistoryControlsProps) {
  const { range, date, today, onView, onDate, onBetween, onStep } = props;
  const { t } = useText("charts");
  const { view } = range;
  const last = addDays(range.end, -1);
  const now = today < range.end;
  return (
    <div className={css.controls}>
      <SegmentedControl
        data={VIEWS.map((value) => ({ value, label: t(`view.${value}`) }))}
        value={view}
        onChange={(next) => onView(next as View)}
        aria-label={t("span")}
      />
      <div className={css.steps}>
        <ActionIcon variant="default" size={36} onClick={() => onStep(-1)} aria-label={t(`previous.${view}`)}>
          <Icon name="back" size={18} />
        </ActionIcon>
        {view === "any" ? (
          <>
            <DateField
              label={t("from")}
              date={range.first}
              today={today}
              onChange={(first) => onBetween(first, last)}
            />
            <span className="soft">–</span>
            <DateField
              label={t("until")}
              date={earlier(last, today)}
              today={today}
              onChange={(until) => onBetween(range.first, until)}
            />
          </>
        ) : (
          <DateField label={t("date")} date={date} today={today} onChange={onDate} />
        )}
        <ActionIcon
          variant="default"
          size={36}
          disabled={now}
          onClick={() => onStep(1)}
          aria-label={t(`next.${view}`)}
        >
          <Icon name="next" size={18} />
        </ActionIcon>
        {!now && view !== "any" && (
          <Button variant="subtle" px="xs" onClick={() => onDate(today)}>
            {t("today")}
          </Button>
        )}
      </div>
    </div>
  );
}
