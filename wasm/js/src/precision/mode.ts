/** `precision: MODE`: one mode for all layers that it is for, and, where samples tell, how far results are off. */

import { invalidArgument } from "../api/errors.js";
import type { AccuracyFigures, PrecisionReport, QuantizeReport } from "../generated/reports.js";
import { breathe } from "../load/progress.js";
import type { RustCalibration } from "../wasm/interface.js";
import type { Choice } from "./choose.js";
import type { Lab } from "./lab.js";
import { observe } from "./observe.js";
import { layersOf } from "./report.js";

/** Which samples are for what; none is in two of the lists. */
export interface Division {
  readonly calibration: readonly number[];
  readonly selection: readonly number[];
  readonly verification: readonly number[];
}

/** Divides the samples by chance. */
export function divided(lab: Lab): Division {
  return JSON.parse(lab.tools.divide(lab.samples.length, lab.seed)) as Division;
}

/** A quantized model. */
export interface Quantized {
  readonly model: Uint8Array;
  readonly report: QuantizeReport;
}

/** Quantizes by a mode; `options` are those of QuantizeOptions. */
export function quantized(
  lab: Lab,
  model: Uint8Array,
  mode: string,
  calibration?: RustCalibration,
  options: Readonly<Record<string, unknown>> = {},
): Quantized {
  const changed = lab.tools.quantize(model, mode, JSON.stringify(options), calibration?.share());
  try {
    return { model: changed.take_model(), report: JSON.parse(changed.report()) as QuantizeReport };
  } finally {
    changed.free();
  }
}

/** Learns how large activations get on some samples. */
export async function learn(
  lab: Lab,
  model: Uint8Array,
  samples: readonly number[],
  checkTime: () => void = () => undefined,
): Promise<RustCalibration> {
  lab.begin("calibrate", "learning the ranges of activations");
  return observe(lab.tools, model, {
    context: lab.context,
    external: lab.external,
    samples,
    feeds: (sample) => lab.feeds(sample),
    async step(done, total) {
      lab.tell(done, total);
      await lab.pause();
      checkTime();
    },
  });
}

/** Quantizes by a mode; `accuracy_budget` if samples show that it is out of the budget. */
export async function applyMode(lab: Lab, model: Uint8Array, mode: string): Promise<Choice> {
  if (lab.samples.length === 0) {
    if (mode === "int8-static") throw invalidArgument("samples", "`int8-static` needs samples to learn ranges from");
    lab.begin("quantize", `quantizing as ${mode}`);
    await breathe();
    const made = quantized(lab, model, mode);
    lab.tell(1, 1);
    return { model: made.model, report: reportOf(lab, mode, made) };
  }
  const { calibration, verification } = divided(lab);
  return lab.withSession(model, async (original) => {
    const ranges = await learn(lab, model, calibration);
    lab.begin("quantize", `quantizing as ${mode}`);
    await breathe();
    const made = quantized(lab, model, mode, ranges);
    ranges.free();
    lab.begin("measure", "verifying");
    const figures = await lab.withSession(made.model, (session) => lab.compare(original, session, verification));
    lab.budget.enforce(figures);
    const counts = { calibration: calibration.length, selection: 0, verification: verification.length };
    return { model: made.model, report: reportOf(lab, mode, made, figures, counts) };
  });
}

function reportOf(
  lab: Lab,
  mode: string,
  made: Quantized,
  accuracy: AccuracyFigures | null = null,
  samples: PrecisionReport["samples"] = { calibration: 0, selection: 0, verification: 0 },
): PrecisionReport {
  return {
    precision: mode,
    verdict: made.report.verdict,
    chosen: mode,
    time_ratio: null,
    accuracy,
    budget: lab.budget.document,
    samples,
    layers: layersOf(made.report),
    needs_ortlet: false,
    rewritings: [],
    candidates: [],
    parameter_bytes_before: made.report.parameter_bytes_before,
    parameter_bytes_after: made.report.parameter_bytes_after,
    made_for: madeFor(lab),
    elapsed_ns: lab.elapsedNs,
    seed: lab.seed,
  };
}

/** What it was measured on; browsers do not tell the processor's name. */
export function madeFor(lab: Lab): PrecisionReport["made_for"] {
  const { started } = lab.context;
  return { runtime_version: started.version, cpu_model: "", thread_count: started.threads };
}
