/** Pages that people begin with, of which the one that is likely is loaded before it is known (early.ts). */
export const meterPage = () => import("./meter");
export const fleetPage = () => import("./fleet");
