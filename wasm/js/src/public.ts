/** What every entry of the package offers. */

export { OrtletError, type ErrorCode, type ErrorDetails } from "./api/errors.js";
export type { Binding, BindOptions, BoundRunOptions } from "./api/binding.js";
export type { DataTypes, DType } from "./api/dtype.js";
export type { EngineValue, Inputs, InputValue, Literal, TensorLike } from "./api/inputs.js";
export { metricsText } from "./api/metrics.js";
export type { LoadOptions } from "./api/options.js";
export { Session } from "./api/session.js";
export type { MetricsReport, RunOptions, SessionLike, SessionMetrics, SessionReport } from "./api/session_like.js";
export { Tensor, type Element, type Nested } from "./api/tensor.js";
export type { ValueInfo } from "./api/value_info.js";
export type { Engine, EngineLoader, EngineSession, EngineTensor } from "./engine/types.js";
export type { Source } from "./load/source.js";
export { cacheClear, cacheEntries, type CacheEntry } from "./api/cache.js";
export { calibrate, Calibration, type CalibrateOptions } from "./api/calibrate.js";
export { Model, type OpenOptions } from "./api/model.js";
export { choosePrecision, type PrecisionChoice } from "./api/precision.js";
export { quantize, type Quantized, type QuantizeOptions } from "./api/quantize.js";
export type { OnProgress, Phase, Progress } from "./load/progress.js";
export { version } from "./version.js";
export { WorkerSession, createWorkerSession, type WorkerLoadOptions } from "./api/worker_session.js";
export type {
  Accuracy,
  AccuracyFigures,
  LayerReport,
  LayerTrial,
  MadeFor,
  ModelReport,
  PrecisionBlock,
  PrecisionCandidate,
  PrecisionLayer,
  PrecisionReport,
  QuantizeReport,
  RewritingCount,
  SampleCounts,
} from "./generated/reports.js";
export type { BlockKind, KernelPrecision, Precision, QuantizeMode } from "./generated/words.js";
