import { clockTime } from "../lib/format";
import { useLiveState, useLost, usePlace } from "../lib/hooks";
import type { LiveState } from "../live/machine";
import { useText } from "../text/text";
import css from "./connection.module.css";

/** Tone, word and sentence of each phase. */
const phases = {
  off: ["wait", "live.off", "live.offHint"],
  connecting: ["wait", "live.connecting", "live.connectingHint"],
  greeting: ["wait", "live.connecting", "live.connectingHint"],
  renewing: ["wait", "live.connecting", "live.renewingHint"],
  waiting: ["bad", "live.waiting", "live.waitingHint"],
  live: ["good", "live.live", "live.liveHint"],
  refused: ["bad", "live.refused", "live.refusedHint"],
} as const satisfies Record<LiveState["phase"], readonly string[]>;

export function Connection() {
  const { t } = useText("shell");
  const state = useLiveState();
  const [tone, text, title] = phases[state.phase];
  const lost = state.phase === "live" ? state.lost : 0;
  return (
    <output
      className={css.pill}
      data-tone={tone}
      data-phase={state.phase}
      title={lost ? `${t(title)} ${t("live.lost", { count: lost })}` : t(title)}
    >
      <span className={css.dot} />
      {t(text)}
    </output>
  );
}

/** Across the page while the connection is away: from when the values are that still stand there. */
export function LostNotice() {
  const { t } = useText("shell");
  const { locale, timezone } = usePlace();
  const since = useLost();
  // Always there, so that what comes into it is read out.
  return (
    <div className={css.lost} role="status">
      {since !== null && (
        <p>
          <strong>{t(navigator.onLine ? "lost" : "offline")}</strong>{" "}
          {t("oldSince", { time: clockTime(since, timezone, locale) })}
        </p>
      )}
    </div>
  );
}
