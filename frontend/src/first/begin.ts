import type { DevicePage, Session, Site } from "../api/types";
import { observeServerDate, serverNow } from "../lib/clock";
import { asLanguage, firstLanguage } from "../text/language";
import { keepAsked } from "./asked";
import { places } from "./draw";
import { DEVICES, DEVICES_PAGE, HINT, LANGUAGE, REFRESH, RENEWAL, SCHEME, SITE } from "./keys";
import { type LastSeen, readLast } from "./last";

/*
 * Runs within the page (first.ts), before anything else is loaded: colours, what the first picture is of, the
 * requests that the first screen needs, and a resident's own figures as soon as they are there. The program takes
 * over from here, and takes these answers (asked.ts).
 */

const LIST = `${DEVICES}?limit=${DEVICES_PAGE}`;
const page = document.documentElement;

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    // Storage may be forbidden: then it is as for somebody who has not been here.
    return null;
  }
}

/** A dark screen never flashes white. */
function colour(): void {
  const chosen = stored(SCHEME);
  const system = matchMedia("(prefers-color-scheme: dark)").matches;
  const dark = chosen === "dark" || (chosen !== "light" && system);
  page.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
}

function url(path: string): string {
  const base = document.querySelector<HTMLMetaElement>('meta[name="smartmeter-api"]')?.content ?? "";
  return new URL(base.replace(/\/$/, "") + path, window.location.origin).toString();
}

function get(path: string, method = "GET", token?: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json, application/problem+json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  return fetch(url(path), { method, headers, credentials: "include" });
}

async function renew(): Promise<Response> {
  const go = () => get(REFRESH, "POST");
  return await (navigator.locks ? navigator.locks.request(RENEWAL, go) : go());
}

/** The meters of whoever this session is of; none for whom the program shows something else first. */
async function own(session: Promise<Session | null>): Promise<Response | null> {
  const signedIn = await session.catch(() => null);
  if (!signedIn || signedIn.user.role === "admin" || signedIn.user.must_change_password) return null;
  language = asLanguage(signedIn.user.language) ?? language;
  return get(LIST, "GET", signedIn.token);
}

/** A copy: the answer itself is the program's. Null if it is none to be shown. */
async function read<T>(answer: Promise<Response | null>): Promise<T | null> {
  const copy = await answer.then((response) => {
    if (response) observeServerDate(response.headers.get("Date"));
    return response?.ok ? response.clone() : null;
  });
  return copy && ((await copy.json()) as T);
}

const { pathname } = window.location;
let language = firstLanguage(stored(LANGUAGE), navigator.languages);
let seen: LastSeen | null = stored(HINT) ? readLast() : null;
let heard = false;

function draw(): void {
  const picture = document.querySelector<HTMLElement>("[data-first-picture]");
  if (!picture && document.readyState !== "loading") clearInterval(timer);
  if (!picture || !seen) return;
  const { device } = seen;
  // The first picture is of this page; others wait for the program.
  if (pathname !== "/" && pathname !== `/meters/${device.device_id}`) return;
  const texts = places(seen, heard, language, serverNow());
  picture.dataset.heard = String(heard);
  picture.dataset.state = texts.state ?? "";
  page.lang = language;
  for (const place of picture.querySelectorAll<HTMLElement>("[data-first]"))
    place.textContent = texts[place.dataset.first ?? ""] ?? "";
  const address = `/meters/${device.device_id}`;
  for (const link of picture.querySelectorAll("a")) link.href = address + (link.dataset.page ?? "");
}
// What stands there gets older, until the program has taken its place.
const timer = setInterval(draw, 1000);

async function begin(): Promise<void> {
  const where = get(SITE);
  keepAsked("GET", url(SITE), where);
  // A one-time link is for somebody who is not signed in.
  const role = pathname === "/password" ? null : stored(HINT);
  page.dataset.first = role ?? "out";
  for (const part of document.querySelectorAll<HTMLElement>(`[data-part="${role ?? "out"}"]`))
    part.setAttribute("rel", part.hasAttribute("as") ? "preload" : "modulepreload");
  if (!role) return;
  const renewed = renew();
  keepAsked("POST", url(REFRESH), renewed);
  const list = own(read<Session>(renewed));
  // There before it is asked: the program must not ask too.
  if (role !== "admin") keepAsked("GET", url(LIST), list);
  const [site, devices] = await Promise.all([read<Site>(where), read<DevicePage>(list)]);
  if (!site || !devices) return;
  // Whoever has several begins with a list of them.
  const [only, ...others] = devices.devices;
  if (!only?.last_reading || others.length > 0) return;
  seen = { device: only, reading: only.last_reading, site };
  heard = true;
  draw();
}

colour();
// Whoever takes the answer says what is wrong with it.
begin().catch(() => undefined);
requestAnimationFrame(draw);
