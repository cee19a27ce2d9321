/** Starts an engine, once, within a time limit. */

import { assets } from "../assets.js";
import { OrtletError, cancelled, runtimeFailed } from "../api/errors.js";
import { platform } from "../platform/platform.js";
import type { StartedEngine } from "../load/settings.js";
import { importBundled } from "./bundled.js";
import { engineProviders } from "./providers.js";
import type { Engine, EngineLoader, WasmSettings } from "./types.js";

/** Which engine, and how it is to be started. */
export interface StartOptions {
  /** Instead of the engine that the package ships. */
  readonly engine?: Engine | EngineLoader | undefined;
  readonly threads?: "auto" | number | undefined;
  readonly startTimeoutMs?: number | undefined;
  /** What the engine is to compute with. */
  readonly providers?: readonly unknown[] | undefined;
}

interface Started {
  readonly engine: Engine;
  readonly threads: number;
}

const START_TIMEOUT_MS = 30_000;

/** A model that gives its input, `float32[1]`. An engine that can create its session has started. */
const TINY_MODEL = Uint8Array.from([
  8, 8, 58, 56, 10, 16, 10, 1, 120, 18, 1, 121, 34, 8, 73, 100, 101, 110, 116, 105, 116, 121, 18, 2, 116, 110, 90, 15,
  10, 1, 120, 18, 10, 10, 8, 8, 1, 18, 4, 10, 2, 8, 1, 98, 15, 10, 1, 121, 18, 10, 10, 8, 8, 1, 18, 4, 10, 2, 8, 1, 66,
  2, 16, 17,
]);

/** The engine that the package ships, once it was started: it can only be had once in a page or process. */
let own: Promise<Started> | undefined;
/** Engines of the caller's that were started, with each choice of providers. */
const injected = new WeakMap<Engine, Map<string, Promise<void>>>();

/**
 * Starts the engine, or gives the one that was started before.
 *
 * Fails with `runtime_failed` when the time is over; the next call then begins anew.
 */
export async function start(options: StartOptions, signal?: AbortSignal): Promise<StartedEngine> {
  const limit = options.startTimeoutMs ?? START_TIMEOUT_MS;
  if (options.engine !== undefined) return startInjected(options, limit, signal);
  own ??= startOwn(options.threads);
  const begun = own;
  try {
    const { engine, threads } = await within(begun, limit, signal);
    return { engine, threads, version: versionOf(engine), warnings: otherThreads(options.threads, threads) };
  } catch (error) {
    // Whoever only gave up waiting leaves it to those who still wait.
    if (own === begun && !(error instanceof OrtletError && error.code === "cancelled")) own = undefined;
    throw error;
  }
}

async function startOwn(threads: "auto" | number | undefined): Promise<Started> {
  const engine = await importBundled();
  const wanted = threads === undefined || threads === "auto" ? platform().threadCount() : threads;
  const count = Math.min(wanted, platform().threadLimit());
  const settings = engine.env.wasm as WasmSettings;
  settings.numThreads = count;
  settings.proxy = false;
  settings.wasmPaths = { mjs: assets().engineModule, wasm: assets().engineWasm };
  await begin(engine, undefined);
  // The engine takes 1 where memory cannot be shared.
  return { engine, threads: settings.numThreads };
}

function otherThreads(wanted: "auto" | number | undefined, threads: number): string[] {
  if (wanted === undefined || wanted === "auto" || wanted === threads) return [];
  return [`the engine computes with ${threads} threads, not ${wanted}: that is settled once in a page or process`];
}

async function startInjected(options: StartOptions, limit: number, signal?: AbortSignal): Promise<StartedEngine> {
  const engine = await within(loaded(options.engine as Engine | EngineLoader), limit, signal);
  const threads = threadsOf(engine, options.threads);
  const all = injected.get(engine) ?? new Map<string, Promise<void>>();
  injected.set(engine, all);
  const key = JSON.stringify(options.providers ?? []);
  const begun = all.get(key) ?? begin(engine, options.providers);
  all.set(key, begun);
  try {
    await within(begun, limit, signal);
  } catch (error) {
    all.delete(key);
    throw error;
  }
  return { engine, threads, version: versionOf(engine), warnings: otherThreads(options.threads, threads) };
}

async function loaded(engine: Engine | EngineLoader): Promise<Engine> {
  const given = typeof engine === "function" ? await engine() : engine;
  // What `import()` gives of a CommonJS file has it all in `default`.
  const inner = (given as unknown as { readonly default?: Engine }).default;
  return given.InferenceSession === undefined && inner?.InferenceSession !== undefined ? inner : given;
}

/** The threads of an engine of the caller's, which has its own unless nobody has said how many. */
function threadsOf(engine: Engine, wanted: "auto" | number | undefined): number {
  const settings = engine.env.wasm as WasmSettings | undefined;
  const count = typeof wanted === "number" ? wanted : platform().isNode ? 1 : platform().threadCount();
  // onnxruntime-node has threads for each session.
  if (settings === undefined || engine.env.versions?.node !== undefined) return count;
  settings.numThreads ||= count;
  return settings.numThreads;
}

/** Creates a session of the tiny model, for which the engine has to start. */
async function begin(engine: Engine, providers: readonly unknown[] | undefined): Promise<void> {
  const options =
    providers === undefined || providers.length === 0 ? {} : { executionProviders: engineProviders(providers) };
  const session = await engine.InferenceSession.create(TINY_MODEL, options as Record<string, never>);
  await session.release();
}

/** The version that the engine says. */
function versionOf(engine: Engine): string {
  const { web, node, common } = engine.env.versions ?? {};
  return web ?? node ?? common ?? "unknown";
}

/** The outcome, unless time is over or the caller gives up before. */
async function within<T>(work: Promise<T>, limitMs: number, signal?: AbortSignal): Promise<T> {
  if (signal?.aborted) throw cancelled(signal.reason);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(runtimeFailed("start", `it took more than ${limitMs} ms`)), limitMs);
    abort = () => reject(cancelled(signal?.reason));
    signal?.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, ended]);
  } catch (error) {
    throw error instanceof OrtletError ? error : runtimeFailed("start", error);
  } finally {
    clearTimeout(timer);
    if (abort !== undefined) signal?.removeEventListener("abort", abort);
  }
}
