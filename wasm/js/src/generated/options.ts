/** What can be set. Generated from the Rust sources by `cargo xtask codegen`; do not edit. */

import type { OptimizationLevel, Precision, QuantizeMode, Threads } from "./words.js";

/** What Rust calls options: a name, or for options inside of an option its name and theirs. */
export interface OptionNames {
  readonly [option: string]: string | readonly [string, OptionNames];
}

/**
 * How far the results of a changed model may be off, compared with the original's on the same samples. Whatever is
 * `null` is not asked for.
 *
 * How similar two outputs are is a number up to 1. Of floats it is the cosine, and at most `1 - r² / 2`, where `r` is
 * the error's share of the length, so that a result of the right direction and another length is off too. Of integers,
 * texts and the like it is the share of elements that are equal. Outputs of another type or shape, and those with NaN
 * or infinities elsewhere, have the similarity 0.
 */
export interface AccuracyOptions {
  /** The least similarity of any output of any sample, up to 1. Default: 0.997. */
  readonly minCosine?: number | null | undefined;
  /** The least mean of the similarities, up to 1. Default: 0.999. */
  readonly meanCosine?: number | null | undefined;
  /** The largest difference of any element of any output, in the output's own unit. Default: `null`. */
  readonly maxAbsoluteError?: number | null | undefined;
  /**
   * The least share, 0 to 1, of rows (along the last axis) whose largest element is at the same index. Default: `null`.
   */
  readonly top1Agreement?: number | null | undefined;
}

/** What Rust calls the fields of `AccuracyOptions`. */
export const ACCURACY_OPTIONS = {
  minCosine: "min_cosine",
  meanCosine: "mean_cosine",
  maxAbsoluteError: "max_absolute_error",
  top1Agreement: "top1_agreement",
} as const satisfies OptionNames;

/** An execution provider and its options. */
export interface Provider {
  /** Its name: `cpu`, `cuda`, `openvino`, `xnnpack`, ..., in any case, also with `ExecutionProvider` behind it. */
  readonly name: string;
  /** Its options, as its documentation names them. */
  readonly options: Readonly<Record<string, string>>;
}

/** What Rust calls the fields of `Provider`. */
export const PROVIDER = { name: "name", options: "options" } as const satisfies OptionNames;

/** How a session is created. Every option has a default. */
export interface SessionOptions {
  /** Threads that compute one run. Default: `"auto"`. */
  readonly threads?: Threads | undefined;
  /**
   * Execution providers in order of preference; what they cannot run falls to the CPU. Empty means the CPU. Default:
   * `[]`.
   */
  readonly providers?: readonly (string | Provider)[] | undefined;
  /** Sizes for symbolic dimensions, by name. Fixing them lets the optimiser do more. Default: `{}`. */
  readonly dims?: Readonly<Record<string, number>> | undefined;
  /** How far the graph is rewritten before it runs. Default: `"all"`. */
  readonly optimizationLevel?: OptimizationLevel | undefined;
  /** Raw ONNX Runtime session configuration entries, passed on as they are, over Ortlet's own. Default: `{}`. */
  readonly config?: Readonly<Record<string, string>> | undefined;
  /**
   * The most runs of this session at once; `null` for no bound. Further ones wait in line for `concurrencyWaitMs`, then
   * fail with `pool_exhausted`. Default: `null`.
   */
  readonly concurrencyLimit?: number | null | undefined;
  /** How long a run waits for others to end, in milliseconds; 0 does not wait. Default: 1000. */
  readonly concurrencyWaitMs?: number | undefined;
  /**
   * Runs on zeros made while the session is created, so that the first real one is as fast as the others. Dimensions
   * that are not fixed are taken as 1. A model that fails on zeros only makes a warning in the report. Default: `0`.
   */
  readonly warmUpRuns?: number | undefined;
  /**
   * With what numbers the model computes. With anything but `original`, results differ from the original's; the report
   * says by how much where samples tell. Default: `"original"`.
   */
  readonly precision?: Precision | undefined;
  /** How far results may be off with `precision: auto`. */
  readonly accuracy?: AccuracyOptions | undefined;
}

/** What Rust calls the fields of `SessionOptions`. */
export const SESSION_OPTIONS = {
  threads: "threads",
  providers: "providers",
  dims: "dims",
  optimizationLevel: "optimization_level",
  config: "config",
  concurrencyLimit: "concurrency_limit",
  concurrencyWaitMs: "concurrency_wait_ms",
  warmUpRuns: "warm_up_runs",
  precision: "precision",
  accuracy: ["accuracy", ACCURACY_OPTIONS],
} as const satisfies OptionNames;

/** How a model is calibrated. */
export interface CalibrateOptions {
  /**
   * The most bytes of values that are held at once, beyond what a run of the model takes by itself. A single value that
   * is larger is held alone. Less memory takes more runs. Default: 64 MiB.
   */
  readonly maxBytes?: number | undefined;
}

/** What Rust calls the fields of `CalibrateOptions`. */
export const CALIBRATE_OPTIONS = { maxBytes: "max_bytes" } as const satisfies OptionNames;

/** How a precision is chosen. */
export interface PrecisionOptions {
  /**
   * How long the choice may take, in milliseconds. What was not tried by then is left out; what is needed for any
   * answer is always done. Default: 300,000.
   */
  readonly timeLimitMs?: number | undefined;
  /** Decides how samples are divided and in which order candidates run. Default: 0. */
  readonly seed?: number | undefined;
}

/** What Rust calls the fields of `PrecisionOptions`. */
export const PRECISION_OPTIONS = { timeLimitMs: "time_limit_ms", seed: "seed" } as const satisfies OptionNames;

/** How a tensor's range is chosen. Whatever lies outside of it is cut off, so that the rest gets smaller steps. */
export interface RangeMethod {
  /**
   * One of these:
   * - `"min_max"`: The smallest and the largest value: nothing is cut off.
   * - `"percentile"`: Cuts off equally many of the smallest and of the largest values.
   * - `"mean_squared_error"`: The range whose codes are nearest to the values, by the mean of the squared differences.
   * - `"entropy"`: The range whose codes lose the least information about how the values are distributed, by
   *   Kullback-Leibler divergence. Source: S. Migacz, "8-bit Inference with TensorRT", GTC 2017.
   */
  readonly method: "min_max" | "percentile" | "mean_squared_error" | "entropy";
  /** How many of all values to keep, in percent: 50 to 100. Only with `"percentile"`. */
  readonly percent?: number | undefined;
}

/** What Rust calls the fields of `RangeMethod`. */
export const RANGE_METHOD = { method: "method", percent: "percent" } as const satisfies OptionNames;

/** How `quantize` goes about it. */
export interface QuantizeOptions {
  /** Nodes to leave as they are, by name, or by their first output if they have none. Default: `[]`. */
  readonly exclude?: readonly string[] | undefined;
  /** Nodes, named likewise, that get another form than the mode says. Default: `{}`. */
  readonly layers?: Readonly<Record<string, QuantizeMode>> | undefined;
  /**
   * Weights so small that two products with an activation of 8 bits never add up to more than 16 bits hold: x86
   * processors without VNNI saturate there. Weights of products are scaled by the largest sum of two neighbours, those
   * of `int8-static` have 7 bits, from -64 to 64. `null` asks the processor that this runs on. Default: `null`.
   */
  readonly reduceRange?: boolean | null | undefined;
  /**
   * Weights with fewer elements than this stay as they are: they are not worth the work on the activations. Default:
   * `1024`.
   */
  readonly minWeightElements?: number | undefined;
  /**
   * Also quantize the constant tables of `Gather`, with a scale for each row. This saves memory, not time. Default:
   * `true`.
   */
  readonly embeddings?: boolean | undefined;
  /**
   * Use operators of the ONNX standard only (`DynamicQuantizeLinear`, `MatMulInteger`, from operator set 11 on) instead
   * of ONNX Runtime's `com.microsoft.DynamicQuantizeMatMul`, which works with any. Default: `false`.
   */
  readonly standardOperators?: boolean | undefined;
  /** How the ranges of activations are chosen from a calibration. Default: `{"method":"mean_squared_error"}`. */
  readonly rangeMethod?: RangeMethod | undefined;
  /**
   * The most channels of a layer's activations that stay floats in `int8-dynamic`, where a calibration shows that they
   * are much larger than the others; 0 turns this off. Default: `4`.
   */
  readonly outlierChannels?: number | undefined;
  /** Weights that share a scale in `weights-8` and `weights-4`: 16, 32, 64, 128 or 256. Default: `32`. */
  readonly blockSize?: number | undefined;
}

/** What Rust calls the fields of `QuantizeOptions`. */
export const QUANTIZE_OPTIONS = {
  exclude: "exclude",
  layers: "layers",
  reduceRange: "reduce_range",
  minWeightElements: "min_weight_elements",
  embeddings: "embeddings",
  standardOperators: "standard_operators",
  rangeMethod: ["range_method", RANGE_METHOD],
  outlierChannels: "outlier_channels",
  blockSize: "block_size",
} as const satisfies OptionNames;
