import { describe, expect, it } from "vitest";
import { backoff, type Effect, type LiveEvent, type LiveState, off, step } from "./machine";

/** Runs events from a state; gives the last state and everything that was to be done. */
function run(events: LiveEvent[], from: LiveState = off, random = 1): [LiveState, string[]] {
  let state = from;
  const done: Effect[] = [];
  for (const event of events) {
    const [next, effects] = step(state, event, random);
    state = next;
    done.push(...effects);
  }
  return [
    state,
    done.map((effect) => (effect.do === "timer" ? `${effect.fire} in ${effect.ms}` : effect.do)),
  ];
}

const up: LiveEvent[] = [{ is: "start" }, { is: "opened" }, { is: "ready" }];
const [live] = run(up);
const lost: LiveEvent = { is: "closed", code: 1006 };

describe("connecting", () => {
  it("opens, greets, and is live once the server is ready", () => {
    expect(run(up)).toEqual([
      { phase: "live", lastN: null, lost: 0 },
      ["connect", "overdue in 10000", "hello"],
    ]);
  });

  it("starts once however often it is told to", () => {
    expect(run([{ is: "start" }, { is: "start" }])[1]).toEqual(["connect", "overdue in 10000"]);
  });

  it("gives up on a server that never gets ready", () => {
    const [state, done] = run([{ is: "start" }, { is: "opened" }, { is: "overdue" }]);
    expect(state).toEqual({ phase: "waiting", attempt: 1, delayMs: 1000 });
    expect(done.slice(-2)).toEqual(["close", "waited in 1000"]);
  });

  it("does not take a late timer for trouble", () => {
    expect(step(live, { is: "overdue" }, 1)).toEqual([live, []]);
    expect(step(live, { is: "waited" }, 1)).toEqual([live, []]);
  });
});

describe("coming back", () => {
  it("waits longer each time, and starts over once it was live", () => {
    const delays: number[] = [];
    let state = live;
    for (let i = 0; i < 7; i++) {
      [state] = step(state, lost, 1);
      if (state.phase === "waiting") delays.push(state.delayMs);
      [state] = step(state, { is: "waited" }, 1);
    }
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    [state] = run([{ is: "opened" }, { is: "ready" }, lost], state);
    expect(state).toEqual({ phase: "waiting", attempt: 1, delayMs: 1000 });
  });

  it("asks for what it missed", () => {
    const [state, done] = run([lost, { is: "waited" }, { is: "opened" }, { is: "ready" }], live);
    expect(state.phase).toBe("live");
    expect(done.at(-1)).toBe("resync");
  });

  it("does not wait when the network is back", () => {
    const [state] = run([lost, { is: "wake" }], live);
    expect(state.phase).toBe("connecting");
    expect(step(live, { is: "wake" }, 1)).toEqual([live, []]);
  });

  it("spreads the delay over its upper half", () => {
    expect([backoff(3, 0), backoff(3, 0.5), backoff(3, 1)]).toEqual([4000, 6000, 8000]);
  });
});

describe("tokens", () => {
  it("renews an ended one and connects at once", () => {
    const [state, done] = run([{ is: "closed", code: 4401 }, { is: "renewed" }], live);
    expect(state).toEqual({ phase: "connecting", attempt: 0, renewed: true });
    expect(done).toEqual(["renew", "connect", "overdue in 10000"]);
  });

  it("does not renew in a circle", () => {
    const events: LiveEvent[] = [
      { is: "closed", code: 4401 },
      { is: "renewed" },
      { is: "opened" },
      { is: "closed", code: 4401 },
    ];
    const [state, done] = run(events, live);
    expect(state.phase).toBe("waiting");
    expect(done.filter((what) => what === "renew")).toHaveLength(1);
  });

  it("waits when the server is away as it would renew", () => {
    expect(run([{ is: "closed", code: 4401 }, { is: "renewalFailed" }], live)[0].phase).toBe("waiting");
  });

  it("sends a new one over a live connection only", () => {
    expect(step(live, { is: "tokenChanged" }, 1)).toEqual([live, [{ do: "hello" }]]);
    expect(step(off, { is: "tokenChanged" }, 1)).toEqual([off, []]);
  });
});

describe("frames", () => {
  it("counts what is missing between numbers, and asks for it", () => {
    const [state, done] = run(
      [1, 2, 5, 6].map((n) => ({ is: "frame", n })),
      live,
    );
    expect(state).toEqual({ phase: "live", lastN: 6, lost: 2 });
    expect(done).toEqual(["resync"]);
  });

  it("takes whatever number a connection begins with", () => {
    expect(run([{ is: "frame", n: 812 }], live)).toEqual([{ phase: "live", lastN: 812, lost: 0 }, []]);
  });
});

describe("the end", () => {
  it("stays down when a device is not ours", () => {
    const [state, done] = run([{ is: "closed", code: 4404 }, { is: "wake" }, { is: "waited" }], live);
    expect(state).toEqual({ phase: "refused" });
    expect(done).toEqual([]);
  });

  it("stops for good, and its own close is no reason to come back", () => {
    const [state, done] = run([{ is: "stop" }, { is: "closed", code: 1000 }], live);
    expect(state).toEqual(off);
    expect(done).toEqual(["close"]);
  });
});
