/** Node. Its own modules are imported when they are needed, so that bundlers for browsers never meet them. */

import { engineEntry } from "../places.node.js";
import { invalidArgument, ioError, notFound } from "../api/errors.js";
import { openNodeStore } from "./store_node.js";
import type { Platform } from "./platform.js";
import { startNodeWorker } from "./worker_node.js";
import { open, readFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** More threads than this seldom help, and each takes memory. */
const MOST_THREADS = 4;

export const node: Platform = {
  isNode: true,
  storesByDefault: false,

  async readAsset(url: URL): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await readFile(url);
    return bytes;
  },

  async openFile(source: string | URL) {
    const path = pathOf(source);
    if (path === undefined) return undefined;
    try {
      const file = await open(path, "r");
      const about = await file.stat();
      if (about.isDirectory()) {
        await file.close();
        throw invalidArgument("path", `\`${path}\` is a folder`);
      }
      const stream = Readable.toWeb(file.createReadStream()) as unknown as ReadableStream<Uint8Array>;
      return { stream, size: about.size };
    } catch (cause) {
      throw fileError(path, cause);
    }
  },

  startWorker: startNodeWorker,

  openStore: (name) => openNodeStore(name),

  engineEntry,

  // The engine's threads inherit this argument, with which none can run a file.
  threadLimit: () => (process.execArgv.some((each) => each.startsWith("--input-type")) ? 1 : Number.POSITIVE_INFINITY),

  threadCount(): number {
    const cores = typeof availableParallelism === "function" ? availableParallelism() : cpus().length;
    return Math.min(MOST_THREADS, Math.max(1, Math.ceil(cores / 2)));
  },
};

/** The path that a source names; `undefined` if it is a URL of the web. */
function pathOf(source: string | URL): string | undefined {
  if (source instanceof URL) return source.protocol === "file:" ? fileURLToPath(source) : undefined;
  if (source.startsWith("file:")) return fileURLToPath(source);
  return /^[a-z][a-z0-9+.-]+:/i.test(source) && !/^[a-z]:[\\/]/i.test(source) ? undefined : source;
}

function fileError(path: string, cause: unknown): unknown {
  const { code, errno, message } = cause as NodeJS.ErrnoException;
  if (code === undefined || errno === undefined) return cause;
  if (code === "ENOENT") return notFound("file", path, []);
  const error = ioError("read", path, message, cause);
  return Object.assign(error, { details: { ...error.details, os_code: Math.abs(errno) } });
}
