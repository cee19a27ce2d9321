/** One worker, seen from the page: it is started, asked, and ended. */

import { OrtletError, cancelled, invalidArgument, runtimeFailed } from "../api/errors.js";
import { platform, type WorkerHandle } from "../platform/platform.js";
import { detailsOf, settle } from "./protocol.js";
import type { FromWorker, LoadAnswer, LoadRequest, Outcome, PageFunction, RunAnswer, RunRequest } from "./protocol.js";

/** What the worker may call on the page. */
export type PageFunctions = Partial<Record<PageFunction, (...values: never[]) => unknown>>;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A worker that runs. Once it has failed or was closed, everything that is asked of it fails. */
export class Port {
  readonly #worker: WorkerHandle;
  readonly #functions: PageFunctions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #thrown = new Map<number, unknown>();
  readonly #ready: Promise<unknown>;
  #lastId = 0;
  #failure: unknown;

  private constructor(worker: WorkerHandle, functions: PageFunctions) {
    this.#worker = worker;
    this.#functions = functions;
    this.#ready = this.#wait(this.#lastId);
    worker.onMessage((message) => this.#receive(message as FromWorker));
    worker.onError((error) => this.fail(this.#broken(error)));
  }

  /** Starts a worker and waits until its file runs, at most `limitMs`. */
  static async start(functions: PageFunctions, limitMs: number, signal?: AbortSignal): Promise<Port> {
    let worker: WorkerHandle;
    try {
      worker = platform().startWorker();
    } catch (cause) {
      throw runtimeFailed("start its worker", cause);
    }
    const port = new Port(worker, functions);
    await port.#until(port.#ready, limitMs, signal);
    return port;
  }

  async #until(ready: Promise<unknown>, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const late = setTimeout(() => {
      this.fail(runtimeFailed("start its worker", `the worker did not answer within ${limitMs} ms`));
    }, limitMs);
    const abort = () => this.fail(cancelled(signal?.reason));
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    try {
      await ready;
    } finally {
      clearTimeout(late);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Whether it can be asked. */
  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  /** Asks and waits for the answer. */
  ask(request: LoadRequest, transfer: readonly Transferable[]): Promise<LoadAnswer>;
  ask(request: RunRequest, transfer: readonly Transferable[]): Promise<RunAnswer>;
  ask(request: LoadRequest | RunRequest, transfer: readonly Transferable[]): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = this.#wait(id);
    try {
      this.#worker.post({ kind: "request", id, request }, transfer);
    } catch (cause) {
      this.#take(id)?.reject(notSent(request.ask, cause));
    }
    return answer;
  }

  /** Ends the worker at once, whatever it computes; all that waits for it fails with this. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#worker.terminate();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(error);
  }

  #wait(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.keepAlive(true);
    });
  }

  #take(id: number): Waiting | undefined {
    const found = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.keepAlive(false);
    return found;
  }

  #receive(message: FromWorker): void {
    if (message.kind === "ready") this.#take(0)?.resolve(undefined);
    else if (message.kind === "call") void this.#call(message);
    else this.#reply(message);
  }

  #reply({ id, outcome, isLast }: FromWorker & { kind: "reply" }): void {
    const waiting = this.#take(id);
    try {
      waiting?.resolve(settle(outcome));
    } catch (error) {
      if (isLast) this.fail(error);
      const call = error instanceof OrtletError ? error.details.thrown_by_call : undefined;
      waiting?.reject(typeof call === "number" && this.#thrown.has(call) ? this.#thrown.get(call) : error);
    }
  }

  async #call({ id, name, values }: FromWorker & { kind: "call" }): Promise<void> {
    const call = this.#functions[name] as ((...values: readonly unknown[]) => unknown) | undefined;
    try {
      const value = await call?.(...values);
      if (id !== undefined) this.#answer(id, { value });
    } catch (thrown) {
      // The worker gives up, and the caller gets back what its own function threw.
      if (id === undefined) return this.fail(thrown);
      this.#thrown.set(id, thrown);
      this.#answer(id, { error: { ...detailsOf(thrown), thrown_by_call: id } });
    }
  }

  #answer(id: number, outcome: Outcome): void {
    if (this.isAlive) this.#worker.post({ kind: "answer", id, outcome }, []);
  }

  #broken(cause: unknown): OrtletError {
    const starts = this.#waiting.has(0);
    return runtimeFailed(starts ? "start its worker" : "go on, since its worker broke down", cause);
  }
}

/** Something cannot be cloned, or is not there any more since it was moved before. */
function notSent(ask: "load" | "run", cause: unknown): OrtletError {
  const reason = `cannot be handed to the worker: ${cause instanceof Error ? cause.message : String(cause)}`;
  return invalidArgument(ask === "load" ? "options" : "inputs", reason, { cause });
}
