/** Starts the package's worker file in a browser. */

import { workerEntry } from "../places.browser.js";
import type { WorkerHandle } from "./platform.js";

/** A worker in which the file begins to run. */
export function startBrowserWorker(): WorkerHandle {
  const worker = new Worker(workerEntry(), { type: "module", name: "ortlet" });
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    onMessage: (listener) => worker.addEventListener("message", (event) => listener(event.data)),
    onError: (listener) => {
      worker.addEventListener("error", (event) => listener(reasonOf(event)));
      worker.addEventListener("messageerror", () => listener(new Error("a message of its could not be read")));
    },
    keepAlive: () => undefined,
    terminate: () => worker.terminate(),
  };
}

/** Browsers do not tell why a file could not be loaded; an error in the code has a message. */
function reasonOf(event: Event): Error {
  const message = event instanceof ErrorEvent ? event.message : "";
  if (message !== "") return new Error(message);
  const hint = "is it served, by the page's own origin, and does the content security policy's `worker-src` allow it?";
  return new Error(`its file ${workerEntry().href} cannot be loaded: ${hint}`);
}
