/* The service worker, served as /sw.js with VERSION and FILES before it (worker.ts). It keeps the program
   and nothing else: no answer of the API, no token, nothing of another origin ever comes into it. */
/* global VERSION, FILES */
const CACHE = `shell-${VERSION}`;

self.addEventListener("install", (event) => {
  // What has no hash in its name is asked for anew; the rest the browser has already.
  const fresh = (path) => new Request(path, { cache: path.startsWith("/assets/") ? "default" : "no-cache" });
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES.map(fresh))));
});

// A new worker waits until the last page of the old one is closed, so that a page never loses parts of itself.
self.addEventListener("activate", (event) => {
  const drop = (names) =>
    Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(drop));
});

/** The network's, or what was kept where there is none. */
async function online(request, kept) {
  try {
    return await fetch(request);
  } catch (error) {
    const answer = await caches.match(kept);
    if (answer) return answer;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (pathname.startsWith("/api/") || pathname === "/healthz" || pathname === "/readyz") return;
  if (request.mode === "navigate") event.respondWith(online(request, "/"));
  else if (FILES.includes(pathname))
    // The name of an asset has its hash: what was kept is what is asked for.
    event.respondWith(
      pathname.startsWith("/assets/")
        ? caches.match(pathname).then((answer) => answer ?? fetch(request))
        : online(request, pathname),
    );
});
