import { ActionIcon, Button } from "@mantine/core";
import { isWhole, type Span, zoom } from "../lib/viewport";
import { useText } from "../text/text";
import css from "./history-panel.module.css";
import { Icon } from "./icon";
import "../text/later";

interface ZoomButtonsProps {
  span: Span;
  bounds: Span;
  onSpan: (span: Span) => void;
}

export function ZoomButtons({ span, bounds, onSpan }: ZoomButtonsProps) {
  const { t } = useText("charts");
  const by = (factor: number) => onSpan(zoom(span, bounds, factor, (span.from + span.to) / 2));
  const whole = isWhole(span, bounds);
  return (
    <div className={css.zoom}>
      {!whole && (
        <Button
          variant="subtle"
          size="compact-sm"
          onClick={() => onSpan({ from: bounds.from, to: bounds.to })}
        >
          {t("whole")}
        </Button>
      )}
      <ActionIcon
        variant="default"
        size={36}
        disabled={whole}
        onClick={() => by(2)}
        aria-label={t("farther")}
      >
        <Icon name="minus" size={18} />
      </ActionIcon>
      <ActionIcon variant="default" size={36} onClick={() => by(0.5)} aria-label={t("closer")}>
        <Icon name="plus" size={18} />
      </ActionIcon>
    </div>
  );
}
