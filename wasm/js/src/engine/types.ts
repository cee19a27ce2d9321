/** What Ortlet uses of an engine: the part of onnxruntime-web's, onnxruntime-node's and the like's interface. */

/** A tensor as the engine makes and takes them. */
export interface EngineTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  readonly location?: string;
  getData?(release?: boolean): Promise<unknown>;
  dispose?(): void;
}

/** A session of the engine. */
export interface EngineSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  // The engines' own types are narrower; Ortlet gives them only tensors that their constructor made.
  run(
    feeds: Record<string, never>,
    fetches: readonly string[],
    options?: Record<string, never>,
  ): Promise<Readonly<Record<string, unknown>>>;
  release(): Promise<void>;
}

/** A session in another thread, whose runs can be stopped while they compute. */
export interface RemoteEngineSession extends EngineSession {
  readonly isRemote: true;
  /** How long the last run computed over there, in nanoseconds; NaN if it did not get so far. */
  readonly computedNs: number;
  run(
    feeds: Readonly<Record<string, EngineTensor>>,
    fetches: readonly string[],
    options?: RemoteRunOptions,
  ): Promise<Readonly<Record<string, unknown>>>;
}

/** What may end a run elsewhere, and how its inputs get there. */
export interface RemoteRunOptions {
  /** When the run was asked for, by `performance.now`; now if absent. */
  readonly asked?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly deadlineMs?: number | undefined;
  /** Inputs are moved instead of copied. */
  readonly transfer?: boolean | undefined;
}

/** Whether a session is in another thread. */
export function isRemote(session: EngineSession): session is RemoteEngineSession {
  return "isRemote" in session;
}

/**
 * The namespace of an engine, for example `import * as engine from "onnxruntime-web/webgpu"`.
 */
export interface Engine {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: Record<string, never>): Promise<EngineSession>;
  };
  // Only called with matching types and data.
  readonly Tensor: new (
    type: never,
    data: never,
    dims: readonly number[],
  ) => EngineTensor;
  readonly env: {
    readonly versions?: Record<string, string | undefined>;
    readonly wasm?: unknown;
  };
}

/** Gives the engine when it is first needed. */
export type EngineLoader = () => Promise<Engine>;

/** The part of onnxruntime-web's settings that Ortlet sets on the engine that it ships. */
export interface WasmSettings {
  numThreads?: number;
  initTimeout?: number;
  proxy?: boolean;
  wasmPaths?: string | { mjs?: string | URL; wasm?: string | URL };
  wasmBinary?: ArrayBuffer | Uint8Array;
}
