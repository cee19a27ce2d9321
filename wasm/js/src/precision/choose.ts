/** Makes a model with other numbers: by a mode, or whichever is fastest and accurate enough. */

import { unsupported } from "../api/errors.js";
import type { PrecisionReport } from "../generated/reports.js";
import type { AccuracySettings, EngineModel, Environment, LoadSettings, StartedEngine } from "../load/settings.js";
import type { Description } from "../wasm/interface.js";
import { withTools } from "../wasm/modules.js";
import { chooseFastest } from "./auto.js";
import { Budget } from "./judge.js";
import { Lab } from "./lab.js";
import { applyMode } from "./mode.js";
import { parameterBytes, untouched } from "./report.js";

/** With what a choice is made. */
export interface ChoiceContext {
  readonly settings: LoadSettings;
  readonly environment: Environment;
  readonly started: StartedEngine;
}

/** A model with other numbers, and how it came to be. */
export interface Choice {
  readonly model: Uint8Array;
  readonly report: PrecisionReport;
}

/** The model that a load asked for by its `precision`. */
export async function chooseForLoad(
  file: EngineModel,
  description: Description,
  context: ChoiceContext,
): Promise<{ model: EngineModel; report: PrecisionReport }> {
  const precision = context.settings.precision ?? "original";
  if (description.external_files.length > 0) {
    const reason =
      "its weights are in other files, which cannot be changed on the web; store them in the model's own file";
    throw unsupported(`precision \`${precision}\` of this model`, reason);
  }
  return withTools(async (tools) => {
    const lab = new Lab(context, tools, description, file.externalData);
    const { model, report } = await (precision === "auto"
      ? chooseFastest(lab, file.bytes)
      : applyMode(lab, file.bytes, modeOf(precision)));
    return { model: { bytes: model, externalData: [] }, report };
  });
}

/** The report on a model that keeps its numbers; an accuracy that makes no sense is an error all the same. */
export function reportOnOriginal(model: Uint8Array, accuracy: AccuracySettings): Promise<PrecisionReport> {
  return withTools((tools) => {
    const budget = new Budget(tools, accuracy, (outputs) => outputs as never);
    return untouched(parameterBytes(tools, model), budget.document);
  });
}

/** The mode that a word stands for. */
export function modeOf(precision: string): string {
  return precision === "int8" ? "int8-dynamic" : precision;
}
