/** Finds out with what numbers a model is fastest on this device and accurate enough. */

import { environment } from "../engine/environment.js";
import type { PrecisionReport } from "../generated/reports.js";
import type { Source } from "../load/source.js";
import { chooseForLoad, reportOnOriginal } from "../precision/choose.js";
import { describe } from "../load/load.js";
import { Model, modelOf } from "./model.js";
import { checkLoadOptions, type LoadOptions } from "./options.js";

/** A model with other numbers, and how it came to be. */
export interface PrecisionChoice {
  readonly model: Model;
  readonly report: PrecisionReport;
}

/**
 * Chooses for a model with what numbers it computes. With `precision: "auto"`, quantized forms are made, held to the
 * accuracy asked for, raced in this thread against the original, and the winner is verified on other samples than it was
 * chosen by; in doubt the original stays. It takes up to `timeLimitMs`, 60000 by default. A mode is applied, and verified
 * if there are samples. With `"original"`, the default in every language, the model stays as it is.
 *
 * ```ts
 * const { model, report } = await choosePrecision("/models/classifier.onnx", { precision: "auto", samples });
 * console.log(report.verdict);
 * ```
 */
export async function choosePrecision(source: Source, options: LoadOptions = {}): Promise<PrecisionChoice> {
  checkLoadOptions(options);
  const { precision = "original", accuracy = {}, sha256, requestInit, signal, onProgress } = options;
  const model = await Model.open(source, { sha256, requestInit, signal, onProgress });
  if (precision === "original") return { model, report: await reportOnOriginal(model.bytes, accuracy) };
  const own = environment(options);
  const started = await own.start(signal);
  const file = { bytes: model.bytes, externalData: [] };
  const chosen = await chooseForLoad(file, await describe(model.bytes), {
    settings: options,
    environment: own,
    started,
  });
  return { model: await modelOf(chosen.model.bytes), report: chosen.report };
}
