import { part } from "../first/part";

/** What people begin with: the likely ones are loaded before it is known who is there (early.ts, first.ts). */
export const signedOut = part(() => import("./signed-out"));
export const signedIn = part(() => import("../signed-in"));
export const meterPage = part(() => import("./meter"));
export const homePage = part(() => import("./home"));
export const fleetPage = part(() => import("./fleet"));
export const adminMenus = part(() => import("../components/admin/menus"));
