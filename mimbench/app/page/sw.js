// Keeps the page's own files, so that it works without a network. It keeps no photo.

const VERSION = "@VERSION@";
const FILES = "@FILES@";
const PREFIX = `mimbench ${self.registration.scope} `;
const NAME = PREFIX + VERSION;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(NAME);
    await cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener("message", (event) => {
  if (event.data === "replace") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith((async () => {
    const cache = await caches.open(NAME);
    const place = event.request.url.replace(/[?#].*/, "").replace(/\/index\.html$/, "/");
    const kept = await cache.match(place);
    if (!kept) return fetch(event.request);
    // hosts that shorten addresses redirect, and browsers refuse such an answer to a navigation
    return kept.redirected ? new Response(kept.body, kept) : kept;
  })());
});
