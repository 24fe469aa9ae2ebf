import { useLiveState } from "../lib/hooks";
import type { LiveState } from "../live/machine";
import css from "./connection.module.css";

const words: Record<LiveState["phase"], [tone: string, text: string, title: string]> = {
  off: ["wait", "Not connected", "Live readings are not being received."],
  connecting: ["wait", "Connecting", "Connecting for live readings."],
  greeting: ["wait", "Connecting", "Connecting for live readings."],
  renewing: ["wait", "Connecting", "Renewing the session for live readings."],
  waiting: ["bad", "Reconnecting", "The connection was lost. What is shown may be old."],
  live: ["good", "Live", "Readings are shown as they arrive."],
  refused: ["bad", "Not live", "The server refused live readings of these meters."],
};

export function Connection() {
  const state = useLiveState();
  const [tone, text, title] = words[state.phase];
  const lost = state.phase === "live" ? state.lost : 0;
  return (
    <output
      className={css.pill}
      data-tone={tone}
      data-phase={state.phase}
      title={lost ? `${title} ${lost} were skipped.` : title}
    >
      <span className={css.dot} />
      {text}
    </output>
  );
}
