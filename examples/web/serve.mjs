// @ts-check
// Serves the page as a product would: isolated, so that threads can be used, and under a strict content security policy.
//
//   node serve.mjs [--port N] [--package FOLDER] [--models FOLDER]

import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { homedir } from "node:os";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Where it was installed, or else where `cargo xtask npm` builds it. */
const PACKAGES = ["node_modules/ortlet", "../../target/web/project/node_modules/ortlet"].map((path) => join(HERE, path));

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8080" },
    package: { type: "string", default: PACKAGES.find(existsSync) ?? join(HERE, "node_modules/ortlet") },
    models: {
      type: "string",
      default: process.env["ORTLET_TEST_MODELS"] ?? join(homedir(), ".cache/ortlet-dev/models"),
    },
  },
});

for (const [folder, what, option] of [
  [values.package, "the package", "--package"],
  [join(values.models, "magika"), "the model", "--models"],
]) {
  if (existsSync(folder ?? "")) continue;
  console.error(`${what} is not in ${folder}: see README.md, or name another folder by ${option}`);
  process.exit(1);
}

/** What the paths of URLs begin with, and the folders that they mean; the first that fits counts. */
const FOLDERS = /** @type {const} */ ([
  ["/ortlet/", values.package],
  ["/models/", values.models],
  ["/", HERE],
]);

/** @type {Record<string, string>} */
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** The policy allows one script in the page itself, the import map, by its digest. */
async function securityHeaders() {
  const page = await readFile(join(HERE, "index.html"), "utf8");
  const map = /<script type="importmap">([^]*?)<\/script>/.exec(page)?.[1] ?? "";
  const digest = createHash("sha256").update(map).digest("base64");
  return {
    "Content-Security-Policy": [
      "default-src 'none'",
      `script-src 'self' 'wasm-unsafe-eval' 'sha256-${digest}'`,
      "style-src 'self'",
      "img-src 'self'",
      "connect-src 'self'",
      "worker-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  };
}

/** The file that a path of a URL means; `undefined` if it lies outside. @param {string} path */
function fileOf(path) {
  const [prefix, folder] = FOLDERS.find(([start]) => path.startsWith(start)) ?? ["/", HERE];
  const name = decodeURIComponent(path.slice(prefix.length)) || "index.html";
  const file = normalize(join(folder, name));
  return file.startsWith(normalize(folder + sep)) ? file : undefined;
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function answer(request, response) {
  for (const [name, value] of Object.entries(await securityHeaders())) response.setHeader(name, value);
  const file = fileOf(new URL(request.url ?? "/", "http://localhost").pathname);
  const facts = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || !facts?.isFile()) return void response.writeHead(404).end("not found\n");
  const tag = `"${facts.size.toString(36)}-${Math.round(facts.mtimeMs).toString(36)}"`;
  response.setHeader("Cache-Control", "no-cache");
  response.setHeader("ETag", tag);
  if (request.headers["if-none-match"] === tag) return void response.writeHead(304).end();
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { "Content-Type": type, "Content-Length": facts.size });
  if (request.method === "HEAD") return void response.end();
  createReadStream(file).pipe(response);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.headersSent || response.writeHead(400).end(`${error}\n`));
});
server.listen(Number(values.port), "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === "object" ? address?.port : values.port}/`);
});
