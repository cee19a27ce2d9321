/** Browsers: pages and their workers. */

import { engineEntry } from "../places.browser.js";
import { ioError } from "../api/errors.js";
import { openBrowserStore } from "./store_browser.js";
import type { Platform } from "./platform.js";
import { startBrowserWorker } from "./worker_browser.js";

/** More threads than this seldom help, and each takes memory. */
const MOST_THREADS = 4;

export const browser: Platform = {
  isNode: false,
  storesByDefault: true,

  async readAsset(url: URL): Promise<Uint8Array<ArrayBuffer>> {
    let response: Response;
    try {
      response = await fetch(url, { credentials: "same-origin" });
    } catch (cause) {
      throw ioError("read", url.href, cause instanceof Error ? cause.message : String(cause), cause);
    }
    if (!response.ok) throw ioError("read", url.href, `the server says ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  },

  openFile: () => Promise.resolve(undefined),

  startWorker: startBrowserWorker,

  openStore: (name) => openBrowserStore(name),

  engineEntry,

  // Threads share memory, which pages may only do if nobody else's code can look into it.
  threadLimit: () => (globalThis.crossOriginIsolated ? Number.POSITIVE_INFINITY : 1),

  threadCount(): number {
    if (!globalThis.crossOriginIsolated) return 1;
    return Math.min(MOST_THREADS, Math.max(1, Math.ceil((navigator.hardwareConcurrency || 1) / 2)));
  },
};
