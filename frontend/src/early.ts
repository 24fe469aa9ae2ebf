import type { QueryClient } from "@tanstack/react-query";
import { askForDevices, askForSite } from "./api/queries";
import { begin, getSession, hinted, subscribeSession } from "./api/session";
import { fleetPage, meterPage } from "./pages/parts";

/**
 * Asks for what the first screen needs while the program is still being set up, and at once where one does
 * not need the other: each turn costs a phone a fifth of a second.
 */
export function askEarly(client: QueryClient): void {
  askForSite(client);
  // A one-time link is for somebody who is not signed in.
  if (window.location.pathname === "/password") return;
  begin();
  const role = hinted();
  // Whoever finds it wanting, asks again and says what went wrong.
  if (role) void (role === "admin" ? fleetPage : meterPage)().catch(() => undefined);
  const leave = subscribeSession(() => {
    const session = getSession();
    if (session.phase !== "in") return;
    leave();
    if (session.user.role !== "admin" && !session.user.must_change_password) askForDevices(client);
  });
}
