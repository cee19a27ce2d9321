/** A session of an engine in a worker, as if it were one on the page; its runs can be stopped. */

import { runtimeFailed } from "../api/errors.js";
import { checkEnds, ended, type Ends } from "../engine/line.js";
import type { Engine, EngineTensor, RemoteEngineSession, RemoteRunOptions } from "../engine/types.js";
import { Port, type PageFunctions } from "./port.js";
import type { LoadAnswer, LoadRequest, RunAnswer, RunRequest, WireModel, WireTensor } from "./protocol.js";
import { buffersOf, compact } from "./wire.js";

/** How a worker is started. */
export interface WorkerOptions {
  readonly functions: PageFunctions;
  readonly startTimeoutMs: number;
}

/** A tensor on its way to a worker. */
class PageTensor implements EngineTensor {
  constructor(
    readonly type: string,
    readonly data: unknown,
    readonly dims: readonly number[],
  ) {}
}

/** The page's side of an engine: it only makes tensors. */
export function remoteEngine(): Engine {
  const InferenceSession = {
    create: () => Promise.reject(runtimeFailed("create the session", "the engine is in a worker")),
  };
  return { InferenceSession, Tensor: PageTensor as unknown as Engine["Tensor"], env: {} };
}

/** A model that is loaded in a worker. */
export interface RemoteLoaded {
  readonly session: RemoteSession;
  readonly answer: LoadAnswer;
}

/** Starts a worker that loads a model. */
export async function loadRemotely(
  request: LoadRequest,
  transfer: readonly Transferable[],
  options: WorkerOptions,
  signal?: AbortSignal,
): Promise<RemoteLoaded> {
  const port = await Port.start(options.functions, options.startTimeoutMs, signal);
  try {
    const asked = port.ask(request, transfer);
    await untilEnded(asked, { signal }, performance.now(), () => undefined);
    const answer = await asked;
    const { model, ...rest } = answer;
    return { session: new RemoteSession(port, rest, again(request, model), options), answer };
  } catch (error) {
    // Whatever it still does, nobody needs it.
    port.fail(error);
    throw error;
  }
}

/** Asks a new worker for what the first one has made of the model. */
function again(first: LoadRequest, model: WireModel | undefined): LoadRequest {
  if (model === undefined) return { ...first, keep: false };
  const { precision, samples, accuracy, timeLimitMs, sha256, requestInit, ...plain } = first.options.plain;
  const files = Object.entries(model.externalData).map(([name, blob]) => [name, { kind: "blob", blob }] as const);
  const options = { plain: { ...plain, cache: false }, externalData: Object.fromEntries(files), functions: [] };
  return { ...first, source: { kind: "blob", blob: model.file }, options, keep: false };
}

/** A session in a worker, and in a new one whenever that was ended. One run at a time. */
export class RemoteSession implements RemoteEngineSession {
  readonly isRemote = true;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  computedNs = NaN;
  readonly #again: LoadRequest;
  readonly #options: WorkerOptions;
  /** The worker that is there or is just starting. */
  #port: Promise<Port> | undefined;
  /** Ends the start of a worker that nobody needs any more. */
  readonly #released = new AbortController();

  constructor(port: Port, answer: LoadAnswer, again: LoadRequest, options: WorkerOptions) {
    this.inputNames = answer.inputNames;
    this.outputNames = answer.outputNames;
    this.#port = Promise.resolve(port);
    this.#again = again;
    this.#options = { ...options, functions: {} };
  }

  async run(
    feeds: Readonly<Record<string, EngineTensor>>,
    fetches?: readonly string[],
    options: RemoteRunOptions = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    this.computedNs = NaN;
    const asked = options.asked ?? performance.now();
    const starting = this.#alive();
    await untilEnded(starting, options, asked, () => undefined);
    return this.#compute(await starting, feeds, fetches, { ...options, asked });
  }

  async #compute(
    port: Port,
    feeds: Readonly<Record<string, EngineTensor>>,
    fetches: readonly string[] | undefined,
    options: RemoteRunOptions & { readonly asked: number },
  ): Promise<RunAnswer["outputs"]> {
    const begun = performance.now();
    const { request, transfer } = runRequest(feeds, fetches, options.transfer === true);
    const asked = port.ask(request, transfer);
    try {
      await untilEnded(asked, options, options.asked, (error) => port.fail(error));
      const { outputs, computedNs } = await asked;
      this.computedNs = computedNs;
      return outputs;
    } catch (error) {
      this.computedNs = (performance.now() - begun) * 1e6;
      this.#replace(port);
      throw error;
    }
  }

  /** The worker, or a new one if the last has gone. */
  async #alive(): Promise<Port> {
    const port = await this.#port?.catch(() => undefined);
    if (port?.isAlive) return port;
    this.#port = this.#start();
    return this.#port;
  }

  /** Begins to replace a worker that was ended, so that the next run need not wait as long. */
  #replace(port: Port): void {
    if (port.isAlive || this.#released.signal.aborted) return;
    this.#port = this.#start();
    // Whoever runs next begins anew, and is told if that fails as well.
    this.#port.catch(() => undefined);
  }

  async #start(): Promise<Port> {
    const { signal } = this.#released;
    const port = await Port.start(this.#options.functions, this.#options.startTimeoutMs, signal);
    try {
      const loaded = port.ask(this.#again, []);
      await untilEnded(loaded, { signal }, performance.now(), () => undefined);
      await loaded;
      return port;
    } catch (error) {
      port.fail(error);
      throw error;
    }
  }

  async release(): Promise<void> {
    this.#released.abort();
    const port = await this.#port?.catch(() => undefined);
    port?.fail(runtimeFailed("run", "the session was closed"));
  }
}

function runRequest(
  feeds: Readonly<Record<string, EngineTensor>>,
  outputs: readonly string[] | undefined,
  move: boolean,
): { request: RunRequest; transfer: ArrayBuffer[] } {
  const tensors: Record<string, WireTensor> = {};
  for (const [name, { type, dims, data }] of Object.entries(feeds)) {
    tensors[name] = move ? { type, dims: [...dims], data } : compact({ type, dims, data });
  }
  const request: RunRequest = { ask: "run", feeds: tensors, ...(outputs === undefined ? {} : { outputs }) };
  return { request, transfer: move ? buffersOf(Object.values(tensors)) : [] };
}

/** Waits for some work to succeed or fail, if anything can end it. If something ends it before, that is thrown, after `onEnd` was told. */
async function untilEnded(
  work: Promise<unknown>,
  ends: Ends,
  asked: number,
  onEnd: (error: unknown) => void,
): Promise<void> {
  if (ends.signal === undefined && ends.deadlineMs === undefined) return;
  let isOver = false;
  const over = work
    .then(
      () => undefined,
      () => undefined,
    )
    .finally(() => (isOver = true));
  try {
    checkEnds(asked, ends);
    await ended(ends, asked, (go) => {
      void over.then(go);
      return () => undefined;
    });
  } catch (error) {
    if (!isOver) onEnd(error);
    throw error;
  }
}
