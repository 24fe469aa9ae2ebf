/**
 * Installs the service worker when the first screen is there and the browser has nothing better to do.
 * Without one (no HTTPS, a browser that has none) the dashboard works as well, but not without a network.
 */
export function keepShell(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const install = () => void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
  const later = window.requestIdleCallback ?? ((task: () => void) => setTimeout(task, 2000));
  if (document.readyState === "complete") later(install);
  else window.addEventListener("load", () => later(install), { once: true });
}
