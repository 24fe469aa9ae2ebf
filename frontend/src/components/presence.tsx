import type { DeviceStatus } from "../api/types";
import { useNow } from "../lib/hooks";
import { lastSeen, presence, presenceLabel } from "../lib/staleness";
import css from "./presence.module.css";

interface PresenceProps {
  status: DeviceStatus;
  seenMs: number | null;
}

/** Dot, word and age. The shape tells the state too, not the colour alone. */
export function PresenceLine({ status, seenMs }: PresenceProps) {
  const now = useNow(1000);
  const state = presence(status, seenMs, now);
  return (
    <p className={css.line}>
      <span className={css.dot} data-state={state} />
      <span className={css.word}>{presenceLabel[state]}</span>
      {state !== "never" && <span className="soft"> · {lastSeen(seenMs, now).toLowerCase()}</span>}
    </p>
  );
}
