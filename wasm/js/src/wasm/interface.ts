/** What our two Rust modules offer. `wasm/src` has the other side; errors are thrown as texts, see `modules.ts`. */

export interface SessionModule {
  initSync(options: { module: WebAssembly.Module }): unknown;
  /** JSON of {@link Description}. */
  describe(model: Uint8Array): string;
  is_artifact(head: Uint8Array): boolean;
  /** What the last panic said. After one, nothing else of the instance may be used. */
  last_panic(): string | undefined;
  readonly Recorder: new () => Recorder;
  /** OpenMetrics of several sessions by name; `loads` is what `phaseNumbers` makes of the phases of all of them. */
  openmetrics(recorders: Recorder[], names: string[], loads: Float64Array): string;
}

/** The counts and latencies of a session's runs. */
export interface Recorder {
  started(): void;
  /** `computeNs` is NaN if it never computed, `code` the number of the error or 0. */
  ended(queueNs: number, computeNs: number, code: number): void;
  /** JSON of MetricsReport; `load` is what `phaseNumbers` makes of the load's phases. */
  report(load: Float64Array): string;
  /** For {@link SessionModule.openmetrics}, which takes what it is given. */
  share(): Recorder;
  free(): void;
}

/** What a model takes and gives. */
export interface Description {
  readonly inputs: readonly Info[];
  readonly outputs: readonly Info[];
  readonly overridable_initializers: readonly Info[];
  /** Names of the files that hold its external data. */
  readonly external_files: readonly string[];
}

/** An input or output. */
export interface Info {
  readonly name?: string;
  readonly kind: "tensor" | "sequence" | "map" | "optional" | "sparse_tensor" | "opaque" | "unknown";
  readonly dtype?: string;
  readonly shape?: readonly (number | string | null)[] | null;
  readonly element?: Info;
  readonly key?: string;
  readonly value?: Info;
}

export interface ToolsModule extends SessionModule {
  /** JSON of ModelReport. */
  model_report(model: Uint8Array): string;
  /** Takes the handle of the calibration away. */
  quantize(model: Uint8Array, mode: string, options: string, calibration?: RustCalibration): Changed;
  simplify(model: Uint8Array): Changed;
  readonly Calibrator: new (model: Uint8Array) => Calibrator;
  readonly Calibration: { from_bytes(bytes: Uint8Array): RustCalibration };
  readonly Judge: new () => Judge;
  /** Throws if the accuracy (JSON) makes no sense. */
  check_accuracy(accuracy: string): void;
  /** What is out of a share of the budget, in words, or `undefined`. */
  breach(accuracy: string, figures: string, share: number): string | undefined;
  /** JSON of {calibration, selection, verification}: lists of indices. */
  divide(count: number, seed: number): string;
  readonly Artifact: new (file: Uint8Array) => Artifact;
}

/** A model that was changed. */
export interface Changed {
  take_model(): Uint8Array<ArrayBuffer>;
  /** JSON of QuantizeReport or SimplifyReport. */
  report(): string;
  free(): void;
}

/**
 * Learns how large activations get: every part is to be run on every sample, and what it gives to be shown to `observe`,
 * the watched inputs in the samples besides.
 *
 * Parts have 16 values each, unless `shapes_model`, `sized` and `group` are used to bound their bytes.
 */
export interface Calibrator {
  /** A model that gives shapes of values instead of the values, `undefined` if there is none. Takes the same inputs. */
  shapes_model(): Uint8Array<ArrayBuffer> | undefined;
  /** A value, the name of that model's output with its shape, the next value, … */
  shapes_outputs(): string[];
  /** Says which shape a value has for one sample. */
  sized(name: string, shape: Float64Array): void;
  /** Makes new parts whose values take no more bytes than that, as far as their shapes are known. */
  group(maxBytes: number): void;
  /** At least 1. */
  part_count(): number;
  /** A model whose only outputs are some inner values; empty if there are none, and then not to be run. */
  part(index: number): Uint8Array<ArrayBuffer>;
  /** Names of these outputs. */
  watched(index: number): string[];
  /** Names of the model's inputs that are watched. */
  watched_inputs(): string[];
  /** What is not watched, and other types than float32, are ignored. */
  observe(name: string, dtype: string, shape: Float64Array, data: Uint8Array): void;
  end_sample(): void;
  /** Ends it; nothing else may be called then. */
  finish(): RustCalibration;
  free(): void;
}

export interface RustCalibration {
  sample_count(): number;
  to_bytes(): Uint8Array<ArrayBuffer>;
  /** For {@link ToolsModule.quantize}, which takes what it is given. */
  share(): RustCalibration;
  free(): void;
}

/** Says how far outputs of one model are off those of another. */
export interface Judge {
  begin(): void;
  /** `data` of the dtype `string` is UTF-8 JSON, a list of texts. */
  reference(name: string, dtype: string, shape: Float64Array, data: Uint8Array): void;
  candidate(name: string, dtype: string, shape: Float64Array, data: Uint8Array): void;
  end(): void;
  /** JSON of AccuracyFigures. */
  figures(): string;
  free(): void;
}

/** A file that `compile` wrote. */
export interface Artifact {
  /** JSON of the manifest. */
  manifest(): string;
  /** The portable model, whose external data is the artifact itself under this name. */
  model(file_name: string): Uint8Array<ArrayBuffer>;
  /** Throws if any byte is damaged. */
  verify(): void;
  free(): void;
}
