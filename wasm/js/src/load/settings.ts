/** What loading is told: the caller's options, checked before, and what starts the engine. */

import type { Engine, EngineSession, EngineTensor } from "../engine/types.js";
import type { PrecisionReport } from "../generated/reports.js";
import type { Description, Info } from "../wasm/interface.js";
import type { OnProgress } from "./progress.js";
import type { Source } from "./source.js";

/** How far the results of a changed model may be off. The fields mean the same in every language. */
export interface AccuracySettings {
  readonly minCosine?: number | null | undefined;
  readonly meanCosine?: number | null | undefined;
  readonly maxAbsoluteError?: number | null | undefined;
  readonly top1Agreement?: number | null | undefined;
  /** The caller's own measure of the outputs of both models for one sample, by name. Larger is better. */
  readonly measure?: ((reference: never, candidate: never) => number | Promise<number>) | undefined;
  /** The least that the mean of `measure` over the samples may be. */
  readonly measureAtLeast?: number | undefined;
}

/** The options of a load, with the names and defaults that users know. */
export interface LoadSettings {
  readonly precision?: string | undefined;
  readonly samples?: readonly Readonly<Record<string, unknown>>[] | undefined;
  readonly accuracy?: AccuracySettings | undefined;
  readonly timeLimitMs?: number | undefined;
  readonly seed?: number | undefined;
  readonly threads?: "auto" | number | undefined;
  readonly dims?: Readonly<Record<string, number>> | undefined;
  readonly optimizationLevel?: string | undefined;
  readonly providers?: readonly unknown[] | undefined;
  readonly config?: Readonly<Record<string, string>> | undefined;
  readonly warmUpRuns?: number | undefined;
  readonly externalData?: Readonly<Record<string, Source>> | undefined;
  readonly cache?: boolean | string | undefined;
  readonly sha256?: string | undefined;
  readonly requestInit?: RequestInit | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** An engine that is ready. */
export interface StartedEngine {
  readonly engine: Engine;
  readonly version: string;
  /** Threads that compute a run. */
  readonly threads: number;
  readonly warnings: readonly string[];
}

/** What a load needs of the rest of the package. */
export interface Environment {
  /** Starts the engine, or gives the one that runs. */
  start(signal?: AbortSignal): Promise<StartedEngine>;
  /** The engine's tensors of what a user gave for these inputs; throws if they do not fit. */
  feeds(
    engine: Engine,
    inputs: readonly Info[],
    sample: Readonly<Record<string, unknown>>,
  ): Record<string, EngineTensor>;
  /** The outputs of a run as users know them, for their own measure of accuracy; as they are if absent. */
  shown?(outputs: Readonly<Record<string, EngineTensor>>): unknown;
  /** Whether the model is to be given back beside the session. */
  readonly keepModel?: boolean | undefined;
}

/** A file of the model's external data, as the engine takes it. */
export interface ExternalFile {
  readonly path: string;
  readonly data: Uint8Array;
}

/** A model as the engine gets it. */
export interface EngineModel {
  readonly bytes: Uint8Array;
  readonly externalData: readonly ExternalFile[];
}

/** Where the time of a load went, in nanoseconds. */
export interface Phases {
  runtime_ns: number;
  download_ns: number;
  check_ns: number;
  digest_ns: number;
  quantize_ns: number;
  map_ns: number;
  create_ns: number;
  store_ns: number;
  warm_up_ns: number;
  total_ns: number;
  /** `null` before the first run. */
  first_run_ns: number | null;
}

/** The cache's part in a load. */
export interface CachePart {
  outcome: "off" | "hit" | "stored" | "healed" | "failed";
  /** The cache's name or folder, if there was one. */
  folder: string | null;
  key: string | null;
}

/** How a session came to be: the document that `Session.report` gives. */
export interface LoadReport {
  origin: "model" | "artifact_portable";
  portable_reason: string | null;
  plan: null;
  /** How the model came to compute with other numbers, if that was asked for. */
  precision: PrecisionReport | null;
  cache: CachePart;
  phases: Phases;
  mapped_bytes: number;
  private_bytes: number | null;
  warnings: string[];
  engine: { version: string; threads: number };
}

/** A model that is ready to run. */
export interface Loaded {
  readonly session: EngineSession;
  readonly engine: Engine;
  readonly description: Description;
  readonly report: LoadReport;
  /** What the session was made of, if the environment asked for it. */
  readonly model?: EngineModel | undefined;
}
