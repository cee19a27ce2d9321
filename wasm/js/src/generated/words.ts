/** The words of reports and options. Generated from the Rust sources by `cargo xtask codegen`; do not edit. */

/** Every `ErrorCode`, by its number, which counts from 1. */
export const ERROR_CODES = [
  "invalid_argument",
  "invalid_model",
  "unsupported",
  "tensor_mismatch",
  "not_found",
  "io",
  "runtime_not_found",
  "runtime_incompatible",
  "runtime_failed",
  "deadline_exceeded",
  "cancelled",
  "pool_exhausted",
  "integrity",
  "accuracy_budget",
  "limit_exceeded",
  "internal",
] as const;

/** What kind of error it is; the same words in every language. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * What a part of a model is that one of Ortlet's operators takes the place of.
 *
 * - `"linear"`: A product with a constant matrix, and what follows it: bias, activation, residual, normalisation.
 * - `"feed_forward"`: Two of these, the first with an activation.
 * - `"attention"`: Scores of queries and keys, softmax, and the sum of values by them.
 * - `"embedding"`: Rows of a constant table.
 * - `"convolution_1d"`: A convolution along one axis, and what follows it.
 */
export type BlockKind = "linear" | "feed_forward" | "attention" | "embedding" | "convolution_1d";

/**
 * What happened with the cache.
 *
 * - `"off"`: No cache was asked for, or the model needs none.
 * - `"hit"`: The compiled model was there.
 * - `"stored"`: It was not there; now it is.
 * - `"healed"`: It was there but damaged, and was made anew.
 * - `"failed"`: It could be neither read nor written; the warnings say why.
 */
export type CacheOutcome = "off" | "hit" | "stored" | "healed" | "failed";

/** Every `QuantizeMode`. */
export const QUANTIZE_MODES = ["int8-dynamic", "int8", "int8-static", "weights-8", "weights-4", "float16"] as const;

/**
 * A way to quantize a model.
 *
 * - `"int8-dynamic"`: Constant matrices of `MatMul` and `Gemm`, and of `Conv` along one axis, as signed 8-bit numbers
 *   with a scale for each output channel; activations become unsigned 8-bit numbers while the model runs, with a scale
 *   for each tensor. Needs no samples. Layers in graphs inside of nodes are quantized too, those in functions that the
 *   model defines are not.
 * - `"int8"`: The same as `int8-dynamic`.
 * - `"int8-static"`: Layers of the main graph with 8-bit activations, whose ranges come from a calibration, and signed
 *   8-bit weights with a scale for each output channel, written with `QuantizeLinear` and `DequantizeLinear`. What lies
 *   between such layers is computed in 8 bits too where that is exact enough. Older operator sets are lifted to 13 for
 *   it.
 * - `"weights-8"`: Constant matrices in blocks of 8-bit numbers; activations stay floats, which ONNX Runtime may round
 *   in blocks of their own while it multiplies. Needs no samples.
 * - `"weights-4"`: The same with 4-bit numbers. Needs no samples. This saves memory, not time.
 * - `"float16"`: Constants are stored as `float16` and computed with as `float32`. Needs no samples. This halves the
 *   file.
 */
export type QuantizeMode = (typeof QUANTIZE_MODES)[number];

/**
 * The kinds of rewrites.
 *
 * - `"one_hot"`: One-hot vectors times a constant matrix are rows of the matrix: `Gather`.
 * - `"tanh_gelu"`: The approximation of GELU by `tanh`, spelled out: `Gelu`, or `FastGelu` of ONNX Runtime.
 * - `"hard_sigmoid"`: `Clip(x + 3, 0, 6) / 6`, perhaps times x: `HardSigmoid`.
 * - `"fold_into_weights"`: Constants that the result of a layer is multiplied by and added to became part of its
 *   weights.
 * - `"fold_input_scale"`: Constants that the input of a layer is multiplied by became part of its weights.
 * - `"fold_pad"`: Zeros around the input of a convolution became its own padding.
 * - `"global_average_pool"`: `ReduceMean` over all pixels: `GlobalAveragePool`.
 * - `"residual_sum"`: `Add` before a layer normalization is written as `Sum`, which ONNX Runtime does not fuse into a
 *   slower kernel.
 * - `"identity"`: `Identity`, and operators that do nothing here.
 * - `"dropout"`: `Dropout`, which does nothing in inference.
 * - `"transpose_pair"`: Two `Transpose` became one, or none.
 * - `"cast_pair"`: Two `Cast` became one, or none.
 * - `"reshape_pair"`: A change of shape before another one was left out.
 * - `"constant_reshape"`: A constant of another shape.
 * - `"unused_node"`: A node that contributed to no output.
 * - `"unused_initializer"`: An initializer that nobody read.
 */
export type RewriteKind =
  | "one_hot"
  | "tanh_gelu"
  | "hard_sigmoid"
  | "fold_into_weights"
  | "fold_input_scale"
  | "fold_pad"
  | "global_average_pool"
  | "residual_sum"
  | "identity"
  | "dropout"
  | "transpose_pair"
  | "cast_pair"
  | "reshape_pair"
  | "constant_reshape"
  | "unused_node"
  | "unused_initializer";

/**
 * With what numbers Ortlet's own kernels compute the blocks of a model that they are for.
 *
 * - `"fp32"`: The original's numbers, packed ahead. Results differ from the original's by rounding only.
 * - `"fp16"`: Weights as `float16`, activations as `float32`. Needs no samples.
 * - `"bf16"`: Weights and activations as `bfloat16`, sums as `float32`; activations stay `float32` on processors
 *   without instructions for it. Needs no samples.
 * - `"int8"`: Weights as signed 8-bit numbers with a scale for each output channel, activations as 8-bit numbers with a
 *   scale for each row. Samples make it more accurate: channels of activations that are much larger than the others
 *   stay floats.
 */
export type KernelPrecision = "fp32" | "fp16" | "bf16" | "int8";

/** Every `DType`. */
export const DTYPES = [
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
  "complex64",
  "complex128",
  "bfloat16",
  "float8_e4m3fn",
  "float8_e4m3fnuz",
  "float8_e5m2",
  "float8_e5m2fnuz",
  "uint4",
  "int4",
  "float4_e2m1fn",
  "float8_e8m0fnu",
  "uint2",
  "int2",
] as const;

/** Element type of a tensor, by its name. */
export type DType = (typeof DTYPES)[number];

/**
 * One declared dimension of a model's input or output.
 *
 * - `number`: Always this size.
 * - `string`: Any size, by name; the same name may stand in several places.
 * - `null`: Any size, without a name.
 */
export type Dim = number | string | null;

/** Declared dimensions, outermost first, or nothing if even the rank is open. */
export type SymbolicShape = readonly Dim[] | null;

/**
 * How a model is quantized.
 *
 * - `"dynamic"`: Weights are 8-bit, activations are quantized while the model runs (`MatMulInteger` and the like).
 * - `"qoperator"`: Operators that work on quantized values (`QLinearConv` and the like).
 * - `"qdq"`: Pairs of `QuantizeLinear` and `DequantizeLinear` around the usual operators.
 * - `"matmul_nbits"`: Weights only, in blocks of a few bits (`MatMulNBits` and the like).
 * - `"float16"`: Weights are `float16`.
 */
export type QuantizationKind = "dynamic" | "qoperator" | "qdq" | "matmul_nbits" | "float16";

/** Every `OptimizationLevel`. */
export const OPTIMIZATION_LEVELS = ["none", "basic", "extended", "layout", "all"] as const;

/**
 * How far the graph is rewritten before it runs. None of the levels changes what is computed by more than rounding.
 *
 * - `"none"`: Not at all.
 * - `"basic"`: Constant folding and removal of what is redundant.
 * - `"extended"`: Also fusions into ONNX Runtime's own operators.
 * - `"layout"`: Also memory layouts that suit this CPU.
 * - `"all"`: Everything.
 */
export type OptimizationLevel = (typeof OPTIMIZATION_LEVELS)[number];

/**
 * What a session was made of.
 *
 * - `"model"`: The model itself, optimised at this load.
 * - `"artifact_device"`: The part of an artifact that was optimised for this device.
 * - `"artifact_portable"`: The portable model of an artifact, optimised at this load.
 */
export type Origin = "model" | "artifact_device" | "artifact_portable";

/**
 * What matters most about a session's runs, where `threads` is `auto`.
 *
 * - `"latency"`: That each run is over soon: all threads of the pool compute it, and look for more work for a
 *   millisecond after it before they sleep.
 * - `"battery"`: Energy: as `latency`, but the threads sleep as soon as the run is over. Runs that follow each other
 *   closely are slower for it.
 * - `"throughput"`: Many runs at once: each is computed by its caller's thread alone, so that no thread waits for
 *   another.
 */
export type Profile = "latency" | "battery" | "throughput";

/**
 * Number of threads that compute one run. `auto` takes up to 4, half as many as there are processors; where memory
 * cannot be shared, it is always 1.
 */
export type Threads = "auto" | number;

/** Every `Precision`. */
export const PRECISIONS = ["original", "auto", ...QUANTIZE_MODES] as const;

/**
 * With what numbers a model computes.
 *
 * - `"original"`: As the model says.
 * - `"auto"`: The fastest that was measured on this device and keeps within `SessionOptions.accuracy`: the original if
 *   nothing else pays. Needs `SessionOptions.samples`.
 * - `QuantizeMode`: All layers that the mode is for, unmeasured. Needs samples if the mode does.
 */
export type Precision = (typeof PRECISIONS)[number];
