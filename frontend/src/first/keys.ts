/** What the program (session.ts, text.ts, http.ts) and what runs before it (begin.ts) both know by name. */

/** The role of whoever was signed in here last and has not signed out. Says only that a cookie may exist. */
export const HINT = "smartmeter-signed-in";
/** The language that was chosen in this browser. */
export const LANGUAGE = "smartmeter-language";
/** Mantine reads and writes it: `light`, `dark`, else the system's. */
export const SCHEME = "mantine-color-scheme-value";
/** The last values of a resident's one meter (last.ts). */
export const LAST = "smartmeter-last";
/** Two tabs share the cookie: one renewal at a time. */
export const RENEWAL = "smartmeter-refresh";

export const REFRESH = "/api/auth/refresh";
export const SITE = "/api/site";
export const DEVICES = "/api/devices";
/** So many meters a page of the list. */
export const DEVICES_PAGE = 200;
