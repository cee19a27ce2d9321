// @ts-check
// Serves folders to an isolated page; the browser may keep everything, as with a good server.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves folders by the first part of the path. @param {Record<string, string>} folders */
export async function serve(folders) {
  const server = createServer((request, response) => {
    send(folders, request, response).catch(() => response.writeHead(404).end());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `http://127.0.0.1:${address.port}`, stop };
}

/**
 * @param {Record<string, string>} folders
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function send(folders, request, response) {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
  const [, first = "", ...rest] = path.split("/");
  const folder = folders[first];
  if (folder === undefined) throw new Error(`there is no folder ${first}`);
  const file = join(folder, normalize(`/${rest.join("/")}`));
  const { size, mtimeMs } = await stat(file);
  response.writeHead(200, {
    "Cache-Control": "max-age=86400",
    "Content-Length": size,
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    ETag: `"${size}-${mtimeMs}"`,
  });
  if (request.method === "HEAD") response.end();
  else createReadStream(file).pipe(response);
}
