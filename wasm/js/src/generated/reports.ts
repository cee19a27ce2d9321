/** Reports, with the fields as JSON has them. Generated from the Rust sources by `cargo xtask codegen`; do not edit. */

import type {
  BlockKind,
  CacheOutcome,
  DType,
  KernelPrecision,
  OptimizationLevel,
  Origin,
  Profile,
  QuantizationKind,
  QuantizeMode,
  RewriteKind,
  SymbolicShape,
  Threads,
} from "./words.js";

/**
 * How far the results of a changed model may be off, compared with the original's on the same samples. Whatever is
 * `null` is not asked for.
 *
 * How similar two outputs are is a number up to 1. Of floats it is the cosine, and at most `1 - r² / 2`, where `r` is
 * the error's share of the length, so that a result of the right direction and another length is off too. Of integers,
 * texts and the like it is the share of elements that are equal. Outputs of another type or shape, and those with NaN
 * or infinities elsewhere, have the similarity 0.
 */
export interface Accuracy {
  /** The least similarity of any output of any sample, up to 1. Default: 0.997. */
  readonly min_cosine: number | null;
  /** The least mean of the similarities, up to 1. Default: 0.999. */
  readonly mean_cosine: number | null;
  /** The largest difference of any element of any output, in the output's own unit. */
  readonly max_absolute_error: number | null;
  /** The least share, 0 to 1, of rows (along the last axis) whose largest element is at the same index. */
  readonly top1_agreement: number | null;
}

/** How far results were off. The figures are those of `Accuracy`. */
export interface AccuracyFigures {
  /** Samples that were compared. */
  readonly sample_count: number;
  /** The least similarity of any output of any sample. */
  readonly min_cosine: number;
  /** The mean of the similarities. */
  readonly mean_cosine: number;
  /** The largest difference of any two finite elements; 0 if no output is of floats. */
  readonly max_absolute_error: number;
  /** The share of rows whose largest element is at the same index; `null` if no output has rows of several floats. */
  readonly top1_agreement: number | null;
  /** The mean of the caller's own measure; `null` if there is none. */
  readonly measure: number | null;
}

/** One bucket: how many latencies lay within its borders. */
export interface Bucket {
  /** The smallest latency that belongs here, in nanoseconds. */
  readonly low_ns: number;
  /** The largest latency that belongs here, in nanoseconds. */
  readonly high_ns: number;
  /** How many there were. */
  readonly count: number;
}

/** The cache's part in a load. */
export interface CacheReport {
  /** What happened. */
  readonly outcome: CacheOutcome;
  /** The cache folder, if there was one. */
  readonly folder: string | null;
  /** The entry's name. */
  readonly key: string | null;
}

/** How many samples were for what. None was used twice. */
export interface SampleCounts {
  /** To learn how large activations get. */
  readonly calibration: number;
  /** To choose among candidates. */
  readonly selection: number;
  /** To find out how far the chosen one is off. */
  readonly verification: number;
}

/** One form of one layer, tried while the others were as they were. */
export interface LayerTrial {
  /** The form. */
  readonly form: QuantizeMode;
  /** Time that a run of the layer alone takes as floats. In nanoseconds. */
  readonly float_ns: number | null;
  /** Time that it takes in this form. In nanoseconds. */
  readonly form_ns: number | null;
  /** One minus the mean similarity of the model's outputs with only this layer changed. */
  readonly damage: number | null;
}

/** What became of one layer. */
export interface PrecisionLayer {
  /** Name of the node, or of its first output if it has none. */
  readonly node: string;
  /** Its operator, as it was. */
  readonly op_type: string;
  /** Dimensions of the weight; empty if it is no constant. */
  readonly shape: readonly number[];
  /** The form that it has; `null` if it is as it was. */
  readonly form: QuantizeMode | null;
  /** Why it is as it was. */
  readonly reason: string | null;
  /** The forms that were tried on it alone. */
  readonly trials: readonly LayerTrial[];
}

/** How often a rewriting was made. */
export interface RewritingCount {
  /** Which kind. */
  readonly kind: RewriteKind;
  /** How often. */
  readonly count: number;
}

/** What became of one candidate. */
export interface PrecisionCandidate {
  /** What it consists of, in words. */
  readonly name: string;
  /** Whether it was chosen. */
  readonly is_chosen: boolean;
  /** Why it was not. */
  readonly reason: string | null;
  /** Layers that are quantized in it, and blocks that Ortlet's kernels compute. */
  readonly quantized_count: number;
  /** Size of its tensors. In bytes. */
  readonly parameter_bytes: number;
  /** How far it is off on the samples that candidates are chosen by. */
  readonly accuracy: AccuracyFigures | null;
  /** Median time of a run; `null` if it was not timed. In nanoseconds. */
  readonly median_ns: number | null;
  /** The lower quartile. In nanoseconds. */
  readonly lower_quartile_ns: number | null;
  /** The upper quartile. In nanoseconds. */
  readonly upper_quartile_ns: number | null;
  /** Its time as a share of that of the model it raced against, which is the original or the rewritten one. */
  readonly ratio: number | null;
  /** The same in the final, which decides. */
  readonly final_ratio: number | null;
}

/** What figures were measured on. */
export interface MadeFor {
  /** Version of ONNX Runtime. */
  readonly runtime_version: string;
  /** Name of the processor; empty where the system does not tell. */
  readonly cpu_model: string;
  /** Threads that computed a run. */
  readonly thread_count: number;
}

/** What became of one block. */
export interface PrecisionBlock {
  /** What it is. */
  readonly kind: BlockKind;
  /** Name of its product's node, or of that node's first output if it has none. */
  readonly node: string;
  /** The operators that it consists of. */
  readonly replaced: readonly string[];
  /** Dimensions of its weights; empty if it has none. */
  readonly shape: readonly number[];
  /** The numbers that Ortlet's kernels compute it with; `null` if it is left to ONNX Runtime. */
  readonly precision: KernelPrecision | null;
  /**
   * How similar its results are to the original's for the same inputs, when it was checked by itself; `null` if it
   * could not be.
   */
  readonly similarity: number | null;
  /** Why it is left to ONNX Runtime. */
  readonly reason: string | null;
}

/** How a model came to compute with the numbers that it computes with. Times are in nanoseconds, sizes in bytes. */
export interface PrecisionReport {
  /** What was asked for: `auto` or a mode. */
  readonly precision: string;
  /** The outcome in one sentence. */
  readonly verdict: string;
  /** Name of the candidate that was chosen; `original` if the model is as it was. */
  readonly chosen: string;
  /**
   * Time of a run as a share of the original's, as the final measured it; `null` if the original was kept or nothing
   * was timed.
   */
  readonly time_ratio: number | null;
  /** How far results are off on samples that took no part in any choice; `null` if there were none. */
  readonly accuracy: AccuracyFigures | null;
  /** What was allowed. */
  readonly budget: Accuracy;
  /** Which samples were for what. */
  readonly samples: SampleCounts;
  /** Every layer, in the order of the nodes. */
  readonly layers: readonly PrecisionLayer[];
  /** Whether the chosen model has operators of Ortlet's own, which no other runtime knows. */
  readonly needs_ortlet: boolean;
  /** Rewritings that change nothing but rounding, which were made before anything else, and how often. */
  readonly rewritings: readonly RewritingCount[];
  /** Every candidate, the original first. */
  readonly candidates: readonly PrecisionCandidate[];
  /** Size of the original's tensors. In bytes. */
  readonly parameter_bytes_before: number;
  /** Size of the chosen model's tensors. In bytes. */
  readonly parameter_bytes_after: number;
  /** What was measured on. */
  readonly made_for: MadeFor | null;
  /** How long it took. In nanoseconds. */
  readonly elapsed_ns: number;
  /** What decided how samples were divided and in which order candidates ran. */
  readonly seed: number;
  /** Every block that Ortlet's own kernels are for, in the order of the nodes. */
  readonly blocks?: readonly PrecisionBlock[];
  /** What went wrong without making it fail. */
  readonly warnings?: readonly string[];
}

/** One axis of one input or output. */
export interface DynamicAxis {
  /** Name of the input or output. */
  readonly value: string;
  /** Number of the axis, from 0. */
  readonly axis: number;
}

/** A dimension whose size is known only when the model runs. */
export interface DynamicDim {
  /** Its name; `null` if it has none, and then it is independent of all others. */
  readonly name: string | null;
  /** Where it appears. */
  readonly axes: readonly DynamicAxis[];
}

/** A file with data of a model. */
export interface ExternalFileReport {
  /** Path relative to the model's folder, as the model gives it. */
  readonly location: string;
  /** Tensors in it. */
  readonly tensor_count: number;
  /** Size of those tensors. In bytes. */
  readonly tensor_bytes: number;
}

/** A `Histogram` at one moment. */
export interface HistogramSnapshot {
  /** How many latencies were recorded. */
  readonly count: number;
  /** The sum of all latencies in nanoseconds, exact. */
  readonly sum_ns: number;
  /** The smallest latency in nanoseconds, exact; `null` if there is none. */
  readonly min_ns: number | null;
  /** The largest latency in nanoseconds, exact; `null` if there is none. */
  readonly max_ns: number | null;
  /** The buckets that hold something, in ascending order. */
  readonly buckets: readonly Bucket[];
}

/**
 * Extremes, mean and percentiles of latencies, in nanoseconds. Extremes and mean are exact, percentiles as in
 * `HistogramSnapshot.percentile`.
 */
export interface LatencySummary {
  /** The shortest. In nanoseconds. */
  readonly min_ns: number;
  /** The arithmetic mean. In nanoseconds. */
  readonly mean_ns: number;
  /** The median. In nanoseconds. */
  readonly p50_ns: number;
  /** What 90 % do not exceed. In nanoseconds. */
  readonly p90_ns: number;
  /** What 99 % do not exceed. In nanoseconds. */
  readonly p99_ns: number;
  /** What 99.9 % do not exceed. In nanoseconds. */
  readonly "p99.9_ns": number;
  /** The longest. In nanoseconds. */
  readonly max_ns: number;
}

/** What became of one layer. */
export interface LayerReport {
  /** Name of the node, or of its first output if it has none. */
  readonly node: string;
  /** Its operator, as it was. */
  readonly op_type: string;
  /** Name of its weight; that of its second input if that is no constant. */
  readonly weight: string;
  /** Dimensions of the weight; empty if it is no constant. */
  readonly shape: readonly number[];
  /**
   * One of these:
   * - `"quantized"`: The weight was quantized.
   * - `"skipped"`: The layer is as it was.
   */
  readonly outcome: "quantized" | "skipped";
  /** How. Only with `"quantized"`. */
  readonly mode?: QuantizeMode;
  /** Mean of the weight's errors, as a share of the mean of its magnitudes. Only with `"quantized"`. */
  readonly mean_error?: number;
  /** Largest error of the weight, as a share of its largest magnitude. Only with `"quantized"`. */
  readonly max_error?: number;
  /** Size of the weight before. Layers that share a weight each state it. In bytes. Only with `"quantized"`. */
  readonly bytes_before?: number;
  /** Size of the quantized weight with its scales. In bytes. Only with `"quantized"`. */
  readonly bytes_after?: number;
  /** Why. Only with `"skipped"`. */
  readonly reason?: string;
}

/** Where the time of a load went. */
export interface LoadPhases {
  /** Finding and loading ONNX Runtime, which only the first load of a process has to do. In nanoseconds. */
  readonly runtime_ns: number;
  /** Reading and checking the model. In nanoseconds. */
  readonly check_ns: number;
  /** Digesting the model's content for the cache. In nanoseconds. */
  readonly digest_ns: number;
  /** Opening, checking and mapping the artifact. In nanoseconds. */
  readonly map_ns: number;
  /**
   * Creating the session in ONNX Runtime: optimising, unless that was done before, and packing weights. In nanoseconds.
   */
  readonly create_ns: number;
  /** Storing the compiled model. In nanoseconds. */
  readonly store_ns: number;
  /** Runs on zeros, if they were asked for. In nanoseconds. */
  readonly warm_up_ns: number;
  /** The whole load. In nanoseconds. */
  readonly total_ns: number;
  /** The first run; `null` before it. In nanoseconds. */
  readonly first_run_ns: number | null;
}

/** The metrics of a session at one moment. Counts are since the load. */
export interface SessionMetrics {
  /** Runs that ended, successful and failed. */
  readonly run_count: number;
  /** Failed runs by the code of their error; codes that did not occur are absent. */
  readonly error_counts: Readonly<Record<string, number>>;
  /** Runs that missed their deadline; also in `error_counts`. */
  readonly deadline_exceeded_count: number;
  /** Runs that the caller cancelled; also in `error_counts`. */
  readonly cancelled_count: number;
  /** Runs that have started and not yet ended, waiting ones included. */
  readonly in_flight_count: number;
  /** How long each ended run waited before it could compute, or before it was given up; 0 for those that did not. */
  readonly queue: HistogramSnapshot;
  /**
   * How long each ended run computed, whether it succeeded or was stopped; without runs that never got so far, and
   * without those too short to be timed each time.
   */
  readonly compute: HistogramSnapshot;
  /** Where the time of the load went. */
  readonly load: LoadPhases;
  /** Bytes of weights that are mapped from the artifact's file, shared by all processes that use it. */
  readonly mapped_bytes: number;
  /** Private memory of the whole process in bytes; `null` where the system does not tell. */
  readonly private_bytes: number | null;
}

/** The metrics of a session, and the percentiles that its histograms give: what bindings hand out. */
export interface MetricsReport {
  /** How long runs computed; `null` if none did. */
  readonly compute: LatencySummary | null;
  /** How long runs waited; `null` if there were none. */
  readonly queue: LatencySummary | null;
  /** The metrics themselves. */
  readonly metrics: SessionMetrics;
}

/** The declared type of an input or output. */
export interface ValueType {
  /**
   * One of these:
   * - `"tensor"`: A tensor.
   * - `"sparse_tensor"`: A tensor that stores only its nonzero elements. Ortlet cannot run these.
   * - `"sequence"`: Values of one type, in order.
   * - `"map"`: Keys with a value each.
   * - `"optional"`: A value, or nothing.
   * - `"opaque"`: A type that only its own operators know. Ortlet cannot run these.
   * - `"unknown"`: The model does not say, or not in terms that Ortlet knows.
   */
  readonly kind: "tensor" | "sparse_tensor" | "sequence" | "map" | "optional" | "opaque" | "unknown";
  /** Element type. Only with `"tensor"` and `"sparse_tensor"`. */
  readonly dtype?: DType;
  /** Declared dimensions. Only with `"tensor"` and `"sparse_tensor"`. */
  readonly shape?: SymbolicShape;
  /** With `"sequence"`: Type of the elements. With `"optional"`: Type of the value. */
  readonly element?: ValueType;
  /** Type of the keys. Only with `"map"`. */
  readonly key?: DType;
  /** Type of the values. Only with `"map"`. */
  readonly value?: ValueType;
}

/** Name and declared type of an input or output. */
export interface ValueInfo {
  /** Its name. */
  readonly name: string;
  /**
   * One of these:
   * - `"tensor"`: A tensor.
   * - `"sparse_tensor"`: A tensor that stores only its nonzero elements. Ortlet cannot run these.
   * - `"sequence"`: Values of one type, in order.
   * - `"map"`: Keys with a value each.
   * - `"optional"`: A value, or nothing.
   * - `"opaque"`: A type that only its own operators know. Ortlet cannot run these.
   * - `"unknown"`: The model does not say, or not in terms that Ortlet knows.
   */
  readonly kind: "tensor" | "sparse_tensor" | "sequence" | "map" | "optional" | "opaque" | "unknown";
  /** Element type. Only with `"tensor"` and `"sparse_tensor"`. */
  readonly dtype?: DType;
  /** Declared dimensions. Only with `"tensor"` and `"sparse_tensor"`. */
  readonly shape?: SymbolicShape;
  /** With `"sequence"`: Type of the elements. With `"optional"`: Type of the value. */
  readonly element?: ValueType;
  /** Type of the keys. Only with `"map"`. */
  readonly key?: DType;
  /** Type of the values. Only with `"map"`. */
  readonly value?: ValueType;
}

/** One kind of quantization in a model. */
export interface SchemeReport {
  /** The kind. */
  readonly kind: QuantizationKind;
  /** Nodes of this kind, in all graphs and functions. */
  readonly node_count: number;
  /** Weights of this kind. */
  readonly weight_count: number;
  /** The same as a share of all weights, from 0 to 1. */
  readonly weight_share: number;
}

/** Scale and zero point of a quantized input or output: `real = (quantized - zero_point) * scale`. */
export interface QuantizedValue {
  /** Name of the input or output. */
  readonly name: string;
  /** Type of the quantized values; `null` if unknown. */
  readonly dtype: DType | null;
  /** One scale, or one for each index of `axis`; empty if the model computes it. */
  readonly scales: readonly number[];
  /** As many zero points as scales. */
  readonly zero_points: readonly number[];
  /** The axis that the scales are for, if there is more than one; may be negative, to count from the end. */
  readonly axis: number | null;
}

/** How a model is already quantized. Part of `ModelReport`. */
export interface QuantizationReport {
  /** The kinds that were found; empty if the model is not quantized. */
  readonly schemes: readonly SchemeReport[];
  /**
   * Number of weights: parameters that are floats or integers of up to 8 bits, or are used in a quantized form, without
   * scalars, scales and zero points. Weights that share a byte count one by one.
   */
  readonly weight_count: number;
  /** Inputs that are quantized first thing, or are given quantized. */
  readonly inputs: readonly QuantizedValue[];
  /** Outputs that are quantized, or are dequantized last thing. */
  readonly outputs: readonly QuantizedValue[];
}

/**
 * What is inside of a model. Made by `Model.report`.
 *
 * "Parameters" are the elements of all initializers and of the tensors in `Constant` nodes, in all graphs and
 * functions. Operators outside of ONNX's own domain are written `domain::operator`.
 */
export interface ModelReport {
  /** Tool that made the model; empty if unknown. */
  readonly producer_name: string;
  /** Version of that tool; empty if unknown. */
  readonly producer_version: string;
  /** Reverse domain name of the model's author; empty if unknown. */
  readonly domain: string;
  /** The author's version of the model. */
  readonly model_version: number;
  /** Version of the file format. */
  readonly ir_version: number;
  /** Domain of an operator set (ONNX's own is `ai.onnx`) to its version. */
  readonly opsets: Readonly<Record<string, number>>;
  /** Name of the main graph. */
  readonly graph_name: string;
  /** Text for people. */
  readonly doc_string: string;
  /** Named texts. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Values that the caller has to give. */
  readonly inputs: readonly ValueInfo[];
  /** Values that the caller gets. */
  readonly outputs: readonly ValueInfo[];
  /** Inputs with a default value, which the caller may give. */
  readonly overridable_initializers: readonly ValueInfo[];
  /** Size of the ONNX file. In bytes. */
  readonly model_bytes: number;
  /** Size of the ONNX file and of the external data that it uses. In bytes. */
  readonly total_bytes: number;
  /** Number of parameters. */
  readonly parameter_count: number;
  /** Size of the parameters. In bytes. */
  readonly parameter_bytes: number;
  /** Element type to the size of the parameters of that type. In bytes. */
  readonly dtype_bytes: Readonly<Record<string, number>>;
  /** Tensors that are initializers, in all graphs. */
  readonly initializer_count: number;
  /** Nodes in all graphs and functions. */
  readonly node_count: number;
  /** Operator to number of nodes. */
  readonly op_type_counts: Readonly<Record<string, number>>;
  /** Graphs inside of nodes. */
  readonly subgraph_count: number;
  /** Operators that the model defines itself. */
  readonly functions: readonly string[];
  /** Operator that contains graphs (`If`, `Loop`, `Scan`, `SequenceMap`) to number of nodes. */
  readonly control_flow_counts: Readonly<Record<string, number>>;
  /** Domains of operators that neither ONNX, nor ONNX Runtime, nor the model define. */
  readonly custom_domains: readonly string[];
  /** Dimensions of inputs and outputs whose size is known only when the model runs. */
  readonly dynamic_dims: readonly DynamicDim[];
  /** Files with data of this model. */
  readonly external_files: readonly ExternalFileReport[];
  /** How the model is already quantized. */
  readonly quantization: QuantizationReport;
}

/**
 * How a candidate differs from the caller's options. What is not set stays as it is.
 *
 * Stored plans come from files, so this says only what a race can choose, and no other configuration entries.
 */
export interface PlanChanges {
  /** Sizes for symbolic dimensions. */
  readonly dims?: Readonly<Record<string, number>>;
  /** ONNX Runtime's optimisers that are left out. */
  readonly disabled_optimizers?: readonly string[];
  /** How far the graph is rewritten. */
  readonly optimization_level?: OptimizationLevel | null;
  /** What matters most. */
  readonly profile?: Profile | null;
  /** The execution provider that runs what it can, with its default options; the CPU runs the rest. */
  readonly provider?: string | null;
  /**
   * How long threads of the session's own look for work after a run, in microseconds; 0 for not at all. Makes the
   * session have threads of its own.
   */
  readonly spin_us?: number | null;
  /** Threads that compute one run. */
  readonly threads?: Threads | null;
}

/** The plan that a session follows. */
export interface PlanReport {
  /** How the session differs from what the caller's options would give. */
  readonly changes: PlanChanges;
  /** What the race found, in one sentence. */
  readonly verdict: string;
  /** Runs that were under way at once during the race. */
  readonly concurrency: number;
}

/** What `quantize` did. */
export interface QuantizeReport {
  /** How the model was quantized. */
  readonly mode: QuantizeMode;
  /** Every layer that the mode is for, in the order of the nodes, those of graphs inside of a node after it. */
  readonly layers: readonly LayerReport[];
  /** Layers that were quantized. */
  readonly quantized_count: number;
  /** Layers that were left as they are. */
  readonly skipped_count: number;
  /** Size of all tensors stored in the model, or in files of its own, before. In bytes. */
  readonly parameter_bytes_before: number;
  /** The same after. In bytes. */
  readonly parameter_bytes_after: number;
  /** All of this in one sentence. */
  readonly verdict: string;
}

/** How a session came to be. Times are in nanoseconds, sizes in bytes. */
export interface SessionReport {
  /** What the session was made of. */
  readonly origin: Origin;
  /** Why the portable model of an artifact was used, if it was. */
  readonly portable_reason: string | null;
  /** The stored plan that the session follows, if it does. */
  readonly plan: PlanReport | null;
  /**
   * How the model came to compute with other numbers than the original, if that was asked for at this load or when the
   * artifact was compiled.
   */
  readonly precision: PrecisionReport | null;
  /** The cache's part in it. */
  readonly cache: CacheReport;
  /** Where the time went. */
  readonly phases: LoadPhases;
  /**
   * Weights that lie in the artifact's file and are mapped from there, shared by all processes that use it. In bytes.
   */
  readonly mapped_bytes: number;
  /** Private memory of the whole process when the report was made; `null` where the system does not tell. In bytes. */
  readonly private_bytes: number | null;
  /** What went wrong without making the load fail. */
  readonly warnings: readonly string[];
}
