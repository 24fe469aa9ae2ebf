import type { QueryClient } from "@tanstack/react-query";
import { askForDevices, askForSite } from "./api/queries";
import { begin, getSession, hinted, type SessionState, subscribeSession } from "./api/session";
import { dropAsked } from "./first/asked";
import { adminMenus, fleetPage, homePage, meterPage, signedIn, signedOut } from "./pages/parts";

/** Longer than this the first picture does not wait for what would come in its place. */
const PATIENCE_MS = 3000;

function known(): Promise<SessionState> {
  return new Promise((resolve) => {
    const look = () => {
      if (getSession().phase === "starting") return;
      leave();
      resolve(getSession());
    };
    const leave = subscribeSession(look);
    look();
  });
}

async function whatIsNeeded(client: QueryClient): Promise<void> {
  const site = askForSite(client);
  // A one-time link is for somebody who is not signed in.
  if (window.location.pathname === "/password") {
    await signedOut.load();
    return;
  }
  begin();
  const role = hinted();
  const pages =
    role === "admin" ? [signedIn, fleetPage, adminMenus] : role ? [signedIn, meterPage] : [signedOut];
  const parts = pages.map(({ load }) => load());
  const session = await known();
  const own = session.phase === "in" && session.user.role !== "admin" && !session.user.must_change_password;
  const [devices] = await Promise.all([
    own ? askForDevices(client) : [],
    session.phase === "in" ? site : undefined,
    ...parts,
  ]);
  const [only, ...others] = devices;
  if (others.length > 0) await homePage.load();
  // As StartPage would, after a picture of nothing.
  else if (only && window.location.pathname === "/")
    window.history.replaceState(null, "", `/meters/${only.device_id}`);
}

/**
 * Asks for what the first screen needs, at once where one does not need the other; what the page has asked for
 * already (begin.ts) is taken. Settles when there is more to show than the first picture: whoever finds something
 * wanting then asks again, and says what went wrong.
 */
export function askEarly(client: QueryClient): Promise<void> {
  const enough = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS));
  const needed = whatIsNeeded(client)
    .catch(() => undefined)
    .finally(dropAsked);
  return Promise.race([needed, enough]);
}
