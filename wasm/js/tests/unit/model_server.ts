/** A web server whose answers tests decide, and which tells what it was asked. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export class ModelServer {
  /** What was asked for, for example `GET /model.onnx`. */
  readonly asked: string[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #sockets = new Set<Socket>();

  private constructor(readonly server: Server) {}

  static async start(test: TestContext): Promise<ModelServer> {
    const server = createServer((request, response) => made.#answer(request, response));
    const made = new ModelServer(server);
    server.on("connection", (socket) => {
      made.#sockets.add(socket);
      socket.on("close", () => made.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    made.#port = (server.address() as AddressInfo).port;
    test.after(() => made.stop());
    return made;
  }

  #port = 0;

  url(path: string): string {
    return `http://127.0.0.1:${this.#port}${path}`;
  }

  answer(path: string, answer: Answer): void {
    this.#answers.set(path, answer);
  }

  /** Serves bytes with headers. */
  serve(path: string, bytes: Uint8Array, headers: Record<string, string> = {}): void {
    this.answer(path, (request, response) => {
      response.writeHead(200, { "content-length": bytes.length, ...headers });
      response.end(request.method === "HEAD" ? undefined : bytes);
    });
  }

  /** What was asked for since the last time. */
  takeAsked(): string[] {
    return this.asked.splice(0);
  }

  /** Cuts all connections; from now on nobody answers. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(`${request.method} ${request.url}`);
    const answer = this.#answers.get(request.url ?? "");
    if (answer !== undefined) answer(request, response);
    else response.writeHead(404).end("nothing here");
  }
}
