/** Starts the package's worker file in Node. */

import { Worker } from "node:worker_threads";
import { workerEntry } from "../places.node.js";
import type { WorkerHandle } from "./platform.js";

/** A thread in which the file begins to run. It ends with the process. */
export function startNodeWorker(): WorkerHandle {
  const worker = new Worker(workerEntry(), { name: "ortlet", ...argumentsOf(process.execArgv) });
  worker.unref();
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as ArrayBuffer[]),
    onMessage: (listener) => worker.on("message", listener),
    onError: (listener) => {
      worker.on("error", listener);
      worker.on("messageerror", listener);
      worker.on("exit", (code) => listener(new Error(`it ended with code ${code}`)));
    },
    keepAlive: (wanted) => (wanted ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}

/** Node's own arguments, which threads inherit. With this one of `node --eval` no thread can run a file. */
function argumentsOf(given: readonly string[]): { execArgv?: string[] } {
  return given.some((argument) => argument.startsWith("--input-type")) ? { execArgv: [] } : {};
}
