/** The file that runs in a browser's worker. */

import { browser } from "./platform/browser.js";
import { shipEngine } from "./engine/environment.js";
import { use } from "./platform/platform.js";
import { serve } from "./worker/server.js";
import type { FromWorker, ToWorker } from "./worker/protocol.js";

/** What this file uses of a worker's global object, which the types of pages do not have. */
interface WorkerScope {
  postMessage(message: unknown, transfer: readonly Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

const scope = globalThis as unknown as WorkerScope;

use(browser);
shipEngine();
serve({
  post: (message: FromWorker, transfer) => scope.postMessage(message, transfer),
  onMessage: (listener) => scope.addEventListener("message", (event) => listener(event.data as ToWorker)),
});
