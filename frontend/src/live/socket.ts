import { apiUrl } from "../api/http";
import { getToken, renew, subscribeSession } from "../api/session";
import type { LiveHello, LiveMessage } from "../api/types";
import { putAlert } from "./alerts";
import { type Effect, type LiveEvent, type LiveState, off, step } from "./machine";
import { putReading } from "./store";

/** Drives the state machine with a real WebSocket. There is one of these in the page. */
let state: LiveState = off;
let socket: WebSocket | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let sentToken: string | null = null;
let onResync: () => void = () => {};
const listeners = new Set<() => void>();

function dispatch(event: LiveEvent): void {
  const [next, effects] = step(state, event, Math.random());
  if (next !== state) {
    state = next;
    for (const listener of listeners) listener();
  }
  for (const effect of effects) perform(effect);
}

function perform(effect: Effect): void {
  switch (effect.do) {
    case "connect":
      open();
      break;
    case "hello":
      hello();
      break;
    case "close":
      drop();
      break;
    case "renew":
      renew().then(
        () => dispatch({ is: "renewed" }),
        () => dispatch({ is: "renewalFailed" }),
      );
      break;
    case "resync":
      onResync();
      break;
    case "timer":
      clearTimeout(timer);
      timer = setTimeout(() => dispatch({ is: effect.fire }), effect.ms);
  }
}

function open(): void {
  drop();
  const mine = new WebSocket(apiUrl("/api/live").replace(/^http/, "ws"));
  socket = mine;
  // A socket that was given up may still speak; only the present one is listened to.
  const relay = (event: LiveEvent) => {
    if (socket === mine) dispatch(event);
  };
  mine.addEventListener("open", () => relay({ is: "opened" }));
  mine.addEventListener("close", ({ code }) => relay({ is: "closed", code }));
  mine.addEventListener("message", ({ data }) => {
    if (socket === mine) receive(data);
  });
}

function drop(): void {
  const old = socket;
  socket = null;
  clearTimeout(timer);
  old?.close(1000);
}

function hello(): void {
  const token = getToken();
  if (!token || socket?.readyState !== WebSocket.OPEN) return;
  sentToken = token;
  const message: LiveHello = { token, devices: "*" };
  socket.send(JSON.stringify(message));
}

function receive(data: unknown): void {
  if (typeof data !== "string") return;
  let message: LiveMessage;
  try {
    message = JSON.parse(data) as LiveMessage;
  } catch {
    return;
  }
  if (message.type === "ready") dispatch({ is: "ready" });
  // Alerts are counted with the readings.
  if ("n" in message) dispatch({ is: "frame", n: message.n });
  if (message.type === "alert") putAlert(message.alert);
  if (message.type !== "reading") return;
  if (!message.late) putReading(message.reading);
}

subscribeSession(() => {
  const token = getToken();
  if (token && token !== sentToken) dispatch({ is: "tokenChanged" });
});

const wake = () => {
  if (document.visibilityState === "visible") dispatch({ is: "wake" });
};

/** Begins, and tells through `resync` when readings may have been missed. Gives what ends it. */
export function startLive(resync: () => void): () => void {
  onResync = resync;
  window.addEventListener("online", wake);
  document.addEventListener("visibilitychange", wake);
  dispatch({ is: "start" });
  return () => {
    window.removeEventListener("online", wake);
    document.removeEventListener("visibilitychange", wake);
    dispatch({ is: "stop" });
  };
}

export function getLiveState(): LiveState {
  return state;
}

export function subscribeLiveState(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
