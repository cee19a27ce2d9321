/** Models kept in a browser: answers in the Cache API, each whole or not there. */

import type { Store } from "./platform.js";

const DEFAULT_NAME = "ortlet";
/** Keys of caches are addresses. This one is nobody's, so that no other entry of a cache can be mistaken for ours. */
const BASE = "https://models.ortlet.invalid/";

/** The store of a name; `undefined` stands for the package's own. */
export async function openBrowserStore(name: string | undefined): Promise<Store | { readonly reason: string }> {
  if (typeof caches === "undefined") {
    return { reason: "there is no Cache API here: it needs https or localhost, and storage that is not blocked" };
  }
  const cacheName = name ?? DEFAULT_NAME;
  return storeOf(cacheName, await caches.open(cacheName));
}

function storeOf(name: string, cache: Cache): Store {
  const address = (key: string): string => BASE + encodeURIComponent(key);
  return {
    name,
    async get(key) {
      const answer = await cache.match(address(key));
      return answer === undefined ? undefined : new Uint8Array(await answer.arrayBuffer());
    },
    async put(key, parts) {
      const body = new Blob(parts as Uint8Array<ArrayBuffer>[], { type: "application/octet-stream" });
      const headers = { "content-length": String(body.size) };
      await cache.put(address(key), new Response(body, { headers }));
    },
    delete: (key) => cache.delete(address(key)),
    async keys() {
      const ours = (await cache.keys()).map((request) => request.url).filter((url) => url.startsWith(BASE));
      return ours.map((url) => decodeURIComponent(url.slice(BASE.length)));
    },
  };
}
