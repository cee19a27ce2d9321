/** The file that runs in a thread of Node's. */

import { parentPort, type TransferListItem } from "node:worker_threads";
import { node } from "./platform/node.js";
import { shipEngine } from "./engine/environment.js";
import { use } from "./platform/platform.js";
import { serve } from "./worker/server.js";
import type { FromWorker, ToWorker } from "./worker/protocol.js";

if (parentPort === null) throw new Error("this file is for a worker");
const port = parentPort;

use(node);
shipEngine();
serve({
  post: (message: FromWorker, transfer) => port.postMessage(message, transfer as TransferListItem[]),
  onMessage: (listener) => port.on("message", (message) => listener(message as ToWorker)),
});
