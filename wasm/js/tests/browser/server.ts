/** A web server for tests: files of some folders, with the headers that a test wants, and a log of what was asked. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

/** What the server sends with every file. */
export interface Headers {
  /** COOP and COEP, so that memory can be shared between threads. */
  readonly isolated?: boolean;
  /** The strict content security policy under which Ortlet has to work. */
  readonly strict?: boolean;
  /** A policy of the test's own. */
  readonly policy?: string;
}

/** A request that came. */
export interface Asked {
  readonly method: string;
  readonly path: string;
}

/** The policy of `strict`. Violations, also those in workers, are posted to `/violations`. */
export const STRICT_POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; " +
  "report-uri /violations";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** What a test may do to a request instead of getting the file. */
export type Answer = (response: ServerResponse, file: () => Promise<Buffer>) => unknown;

export class TestServer {
  /** All requests for files, in order. */
  readonly asked: Asked[] = [];
  /** Reports of violations of the policy. */
  readonly violations: string[] = [];
  /** Told of each. */
  onViolation: () => void = () => undefined;
  /** Paths that are answered otherwise. */
  readonly answers = new Map<string, Answer>();
  /** What pages may ask the test to do, by `POST /control/NAME`. */
  readonly controls = new Map<string, () => unknown>();
  /** Folders by the first part of the path. */
  readonly #folders: Readonly<Record<string, string>>;
  readonly #headers: Headers;
  readonly #replaced = new Map<string, string>();
  readonly #dropped: string[] = [];
  readonly #server: Server;

  private constructor(folders: Readonly<Record<string, string>>, headers: Headers) {
    this.#folders = folders;
    this.#headers = headers;
    this.#server = createServer((request, response) => {
      void this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  /** Serves folders, or single files, by the first part of the path. */
  static async start(folders: Readonly<Record<string, string>>, headers: Headers = {}): Promise<TestServer> {
    const server = new TestServer(folders, headers);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Methods of the requests for a path. */
  methods(path: string): string[] {
    return this.asked.filter((one) => one.path === path).map((one) => one.method);
  }

  /** From now on, a path has what is at another. */
  replace(path: string, other: string): void {
    this.#replaced.set(path, other);
  }

  /** From now on, connections break when something below a path is asked for. */
  drop(prefix: string): void {
    this.#dropped.push(prefix);
  }

  /** Nothing is served any more, and connections break. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? "/", this.origin).pathname);
    const method = request.method ?? "GET";
    if (method === "POST") return this.#post(path, request, response);
    this.asked.push({ method, path });
    if (this.#dropped.some((prefix) => path.startsWith(prefix))) return void response.destroy();
    this.#writeHeaders(response, path);
    const answer = this.answers.get(path);
    if (answer !== undefined) await answer(response, () => this.#read(path));
    else await this.#send(path, request, response);
  }

  async #post(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    if (path === "/violations") {
      this.violations.push(body);
      this.onViolation();
    }
    const control = this.controls.get(path.replace("/control/", ""));
    await control?.();
    response.writeHead(204).end();
  }

  #writeHeaders(response: ServerResponse, path: string): void {
    if (this.#headers.isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const policy = this.#headers.policy ?? (this.#headers.strict ? STRICT_POLICY : undefined);
    if (policy !== undefined) response.setHeader("Content-Security-Policy", policy);
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
    // The browser's own cache has the package's files, but never a model: that is Ortlet's business.
    response.setHeader("Cache-Control", path.startsWith("/package/") ? "max-age=3600" : "no-store");
  }

  async #send(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await this.#read(this.#replaced.get(path) ?? path).catch(() => undefined);
    if (bytes === undefined) return void response.writeHead(404).end("nothing here");
    response.setHeader("ETag", `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`);
    response.setHeader("Content-Length", bytes.length);
    response.writeHead(200).end(request.method === "HEAD" ? undefined : bytes);
  }

  async #read(path: string): Promise<Buffer> {
    const [, first = "", ...rest] = path.split("/");
    const folder = this.#folders[first];
    if (folder === undefined) throw new Error(`no folder for ${path}`);
    return readFile(rest.length === 0 ? folder : join(folder, normalize(`/${rest.join("/")}`)));
  }
}

/** The whole body of a request. */
async function text(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
