import { createContext, type RefObject, use, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { getSession, subscribeSession } from "../api/session";
import type { Site, User } from "../api/types";
import { getLost, subscribeLost } from "../live/lost";
import type { LiveState } from "../live/machine";
import { getLiveState, subscribeLiveState } from "../live/socket";
import { getLive, type LiveReadingState, subscribeLive } from "../live/store";
import { serverNow } from "./clock";

export interface Place extends Site {
  locale: string;
}

/** Zone, currency and locale, known before any page is shown. */
export const PlaceContext = createContext<Place | null>(null);

export function usePlace(): Place {
  const place = use(PlaceContext);
  if (!place) throw new Error("usePlace outside of PlaceContext");
  return place;
}

export const UserContext = createContext<User | null>(null);

export function useUser(): User {
  const user = use(UserContext);
  if (!user) throw new Error("useUser outside of UserContext");
  return user;
}

export function useSession() {
  return useSyncExternalStore(subscribeSession, getSession);
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(subscribeLiveState, getLiveState);
}

/** Since when the connection is lost, so that what is shown may be old; null while it is there. */
export function useLost(): number | null {
  return useSyncExternalStore(subscribeLost, getLost);
}

export function useLive(id: string): LiveReadingState | undefined {
  return useSyncExternalStore(
    (listener) => subscribeLive(id, listener),
    () => getLive(id),
  );
}

/** The server's time, in steps: everything that shows an age at the same step ticks together. */
export function useNow(everyMs: number): number {
  const tick = () => Math.floor(serverNow() / everyMs);
  return (
    useSyncExternalStore((listener) => {
      const timer = setInterval(listener, Math.min(everyMs, 1000));
      return () => clearInterval(timer);
    }, tick) * everyMs
  );
}

/** True from the first time that the element comes near the screen. */
export function useSeen<T extends Element>(): [RefObject<T | null>, boolean] {
  const ref = useRef<T>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element || seen) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) setSeen(true);
      },
      { rootMargin: "200px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [seen]);
  return [ref, seen];
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Smartmeter`;
  }, [title]);
}
