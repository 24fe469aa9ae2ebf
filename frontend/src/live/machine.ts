/**
 * The live connection as a pure state machine: what has happened goes in, what to do comes out.
 * The socket itself, timers and tokens are the driver's (socket.ts), so that every path can be tested.
 */
export type LiveState =
  | { phase: "off" }
  | { phase: "connecting" | "greeting" | "renewing"; attempt: number; renewed: boolean }
  | { phase: "live"; lastN: number | null; lost: number }
  | { phase: "waiting"; attempt: number; delayMs: number }
  | { phase: "refused" };

export type LiveEvent =
  | { is: "start" | "stop" | "opened" | "ready" | "overdue" | "waited" | "wake" }
  | { is: "renewed" | "renewalFailed" | "tokenChanged" }
  | { is: "frame"; n: number }
  | { is: "closed"; code: number };

export type Effect =
  | { do: "connect" | "hello" | "close" | "renew" | "resync" }
  | { do: "timer"; fire: "overdue" | "waited"; ms: number };

export const CLOSE_TOKEN = 4401;
export const CLOSE_NOT_YOURS = 4404;
const GREETING_MS = 10_000;
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;

export const off: LiveState = { phase: "off" };

/** Doubles up to half a minute; the jitter keeps a thousand browsers from coming back in one instant. */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return Math.round(ceiling * (0.5 + random / 2));
}

type Step = [LiveState, Effect[]];

function connect(attempt: number, renewed = false): Step {
  return [
    { phase: "connecting", attempt, renewed },
    [{ do: "connect" }, { do: "timer", fire: "overdue", ms: GREETING_MS }],
  ];
}

function wait(attempt: number, random: number): Step {
  const delayMs = backoff(attempt, random);
  return [
    { phase: "waiting", attempt: attempt + 1, delayMs },
    [{ do: "timer", fire: "waited", ms: delayMs }],
  ];
}

function attemptOf(state: LiveState): number {
  return "attempt" in state ? state.attempt : 0;
}

function closed(state: LiveState, code: number, random: number): Step {
  if (state.phase === "off" || state.phase === "waiting" || state.phase === "renewing") return [state, []];
  if (code === CLOSE_NOT_YOURS) return [{ phase: "refused" }, []];
  const attempt = attemptOf(state);
  // A token refused right after it was renewed is not mended by renewing it again.
  const renewed = "renewed" in state && state.renewed;
  if (code === CLOSE_TOKEN && !renewed)
    return [{ phase: "renewing", attempt, renewed: true }, [{ do: "renew" }]];
  return wait(attempt, random);
}

function frame(state: LiveState, n: number): Step {
  if (state.phase !== "live") return [state, []];
  const missed = state.lastN === null ? 0 : Math.max(0, n - state.lastN - 1);
  return [{ phase: "live", lastN: n, lost: state.lost + missed }, missed > 0 ? [{ do: "resync" }] : []];
}

export function step(state: LiveState, event: LiveEvent, random: number): Step {
  switch (event.is) {
    case "start":
      return state.phase === "off" ? connect(0) : [state, []];
    case "stop":
      return [off, [{ do: "close" }]];
    case "opened":
      if (state.phase !== "connecting") return [state, []];
      return [{ ...state, phase: "greeting" }, [{ do: "hello" }]];
    case "ready":
      if (state.phase !== "greeting") return [state, []];
      // What changed while nobody listened is asked for; the very first time it has just been loaded.
      return [{ phase: "live", lastN: null, lost: 0 }, state.attempt > 0 ? [{ do: "resync" }] : []];
    case "frame":
      return frame(state, event.n);
    case "closed":
      return closed(state, event.code, random);
    case "overdue": {
      if (state.phase !== "connecting" && state.phase !== "greeting") return [state, []];
      const [next, effects] = wait(state.attempt, random);
      return [next, [{ do: "close" }, ...effects]];
    }
    case "waited":
      return state.phase === "waiting" ? connect(state.attempt) : [state, []];
    case "wake":
      // The network is back, or somebody looks again: no reason to sit out the delay.
      return state.phase === "waiting" ? connect(state.attempt) : [state, []];
    case "renewed":
      return state.phase === "renewing" ? connect(state.attempt, true) : [state, []];
    case "renewalFailed":
      return state.phase === "renewing" ? wait(state.attempt, random) : [state, []];
    case "tokenChanged":
      return [state, state.phase === "live" ? [{ do: "hello" }] : []];
  }
}
