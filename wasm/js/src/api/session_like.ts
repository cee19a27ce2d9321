/** What sessions have in common, those of this thread and those in a worker. */
// Declarations name a symbol that the libraries of many programs do not know.
/// <reference lib="esnext.disposable" preserve="true" />

import type { MetricsReport as RustReport, SessionMetrics as RustMetrics } from "../generated/reports.js";
import type { LoadReport, Phases } from "../load/settings.js";
import type { BindOptions, Binding } from "./binding.js";
import type { Inputs } from "./inputs.js";
import type { Tensor } from "./tensor.js";
import type { ValueInfo } from "./value_info.js";

/** Platforms without `await using` have no such symbol, and then nobody asks for the method. */
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? (Symbol("asyncDispose") as never);

/** How one run differs from the others. */
export interface RunOptions {
  /** Names of the outputs to give, in this order; all if absent. */
  readonly outputs?: readonly string[] | undefined;
  /** What ends the run with `cancelled`: its waiting at once, its computing only in a worker. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from the call on that the run may take, waiting included; then it ends with `deadline_exceeded`. */
  readonly deadlineMs?: number | undefined;
  /** For a session in a worker: inputs are moved there and not copied, so the caller's arrays are empty afterwards. */
  readonly transfer?: boolean | undefined;
}

/** How a session came to be. Times are in nanoseconds, sizes in bytes. */
export type SessionReport = Frozen<LoadReport>;

/** The same, to be read only. */
type Frozen<T> = { readonly [K in keyof T]: T[K] extends object | null ? Frozen<T[K]> : T[K] };

/** The metrics of a session at one moment. Counts are since the load. */
export interface SessionMetrics extends Omit<RustMetrics, "load"> {
  /** Where the time of the load went, as in the session's report. */
  readonly load: Readonly<Phases>;
}

/** The metrics of a session, and the percentiles that its histograms give. */
export interface MetricsReport extends Omit<RustReport, "metrics"> {
  /** The metrics themselves. */
  readonly metrics: SessionMetrics;
}

/** A model that is ready to run. */
export interface SessionLike {
  /** Names and types of the inputs that a run needs. */
  readonly inputs: readonly ValueInfo[];
  /** Names and types of the outputs. */
  readonly outputs: readonly ValueInfo[];
  /** Initializers that a run may replace by giving an input of that name. */
  readonly overridableInitializers: readonly ValueInfo[];
  /**
   * Runs the model and gives its outputs by name. Runs take turns in the order of their calls.
   *
   * Fails with an `OrtletError`: `not_found`, `tensor_mismatch`, `invalid_argument` or `unsupported` before the model
   * sees anything; `runtime_failed`, `deadline_exceeded`, `cancelled`, `pool_exhausted`.
   */
  run(inputs: Inputs, options?: RunOptions): Promise<Record<string, Tensor>>;
  /** Fixed memory for inputs and outputs, prepared once for many runs. */
  bind(options?: BindOptions): Promise<Binding>;
  /** How the session came to be. */
  report(): SessionReport;
  /** Counts and latencies of the runs since it was loaded. */
  metrics(): MetricsReport;
  /**
   * The same in the format of OpenMetrics. It has the phases of a load that every language knows, so not the time of the
   * download and of quantizing, which are part of `ortlet_load_seconds` alone.
   */
  metricsText(name?: string): string;
  /** Gives back what the session holds, once the runs that were asked for have ended. Using it then is an error. */
  dispose(): Promise<void>;
  /** Whether `dispose` was called. */
  readonly isDisposed: boolean;
}
