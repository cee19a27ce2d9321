/** Quantizes models: smaller numbers make them smaller and, on most devices, faster. */

import { QUANTIZE_OPTIONS, type QuantizeOptions as RustOptions } from "../generated/options.js";
import type { QuantizeReport } from "../generated/reports.js";
import type { QuantizeMode } from "../generated/words.js";
import { breathe } from "../load/progress.js";
import type { Source } from "../load/source.js";
import { withTools } from "../wasm/modules.js";
import { throwIfAborted } from "./errors.js";
import { rustCalibration, type Calibration } from "./calibrate.js";
import { checkIsWhole, Model, modelOf } from "./model.js";
import { checkOptions, forRust } from "./tool_options.js";

/** How a model is quantized. What is absent has the default of every language. */
export interface QuantizeOptions extends RustOptions {
  /** Which numbers weights and activations become. Default: `int8-dynamic`, of which `int8` is a short name. */
  readonly mode?: QuantizeMode | undefined;
  /** What the tensors' values are like, which `int8-static` needs and `int8-dynamic` profits from. */
  readonly calibration?: Calibration | undefined;
  readonly signal?: AbortSignal | undefined;
}

const OWN_OPTIONS = { mode: true, calibration: true, signal: true } as const;

/** A model that was quantized. */
export interface Quantized {
  readonly model: Model;
  readonly report: QuantizeReport;
}

/**
 * Quantizes all layers that a mode is for. Nothing is measured: see `choosePrecision`.
 *
 * ```ts
 * const { model, report } = await quantize("/models/classifier.onnx", { mode: "int8" });
 * console.log(report.verdict);
 * const session = await Session.load(model);
 * ```
 */
export async function quantize(source: Source, options: QuantizeOptions = {}): Promise<Quantized> {
  checkOptions(options, { ...OWN_OPTIONS, ...QUANTIZE_OPTIONS });
  const { signal, mode = "int8-dynamic", calibration, ...rest } = options;
  const model = await Model.open(source, { signal });
  checkIsWhole(model);
  // Whoever has just shown that it begins may be seen first.
  await breathe();
  throwIfAborted(signal);
  const changed = await withTools((tools) => {
    const ranges = calibration === undefined ? undefined : rustCalibration(tools, calibration);
    const made = tools.quantize(model.bytes, mode, JSON.stringify(forRust(rest, QUANTIZE_OPTIONS)), ranges);
    return { bytes: made.take_model(), report: JSON.parse(made.report()) as QuantizeReport };
  });
  throwIfAborted(signal);
  return { model: await modelOf(changed.bytes), report: changed.report };
}
