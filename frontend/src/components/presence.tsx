import type { DeviceStatus } from "../api/types";
import { useLost, useNow } from "../lib/hooks";
import { lastSeen, presence } from "../lib/staleness";
import { useText } from "../text/text";
import css from "./presence.module.css";

interface PresenceProps {
  status: DeviceStatus;
  seenMs: number | null;
}

/** Dot, word and age. The shape tells the state too, not the colour alone. */
export function PresenceLine({ status, seenMs }: PresenceProps) {
  const { t } = useText("meter");
  const now = useNow(1000);
  const state = presence(status, seenMs, now, useLost() !== null);
  return (
    <p className={css.line}>
      <span className={css.dot} data-state={state} />
      <span className={css.word}>{t(`presence.${state}`)}</span>
      {state !== "never" && <span className="soft"> · {lastSeen(seenMs, now).toLocaleLowerCase()}</span>}
    </p>
  );
}
