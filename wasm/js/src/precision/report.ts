/** The PrecisionReport: what was tried, what came of it and why. The document is the same in every language. */

import type {
  Accuracy,
  AccuracyFigures,
  LayerTrial,
  PrecisionCandidate,
  PrecisionLayer,
  PrecisionReport,
  QuantizeReport,
} from "../generated/reports.js";
import type { ToolsModule } from "../wasm/interface.js";

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

/** What is said of one candidate. */
export type CandidateRow = Mutable<PrecisionCandidate>;

/** One form of one layer, and the family of candidates that has it. */
export type Trial = Mutable<LayerTrial> & { readonly family: string };

/** What becomes of one layer. */
export type LayerRow = Omit<Mutable<PrecisionLayer>, "trials"> & { readonly trials: Trial[] };

/** A row of which nothing but the name is known. */
export function emptyRow(name: string): CandidateRow {
  return {
    name,
    is_chosen: false,
    reason: null,
    quantized_count: 0,
    parameter_bytes: 0,
    accuracy: null,
    median_ns: null,
    lower_quartile_ns: null,
    upper_quartile_ns: null,
    ratio: null,
    final_ratio: null,
  };
}

/** What quantizing by one mode says of the layers. */
export function layersOf(report: QuantizeReport): PrecisionLayer[] {
  return report.layers.map((layer) => ({
    node: layer.node,
    op_type: layer.op_type,
    shape: [...layer.shape],
    form: layer.mode ?? null,
    reason: layer.reason ?? null,
    trials: [],
  }));
}

/** Size of a model's tensors. */
export function parameterBytes(tools: ToolsModule, model: Uint8Array): number {
  return (JSON.parse(tools.model_report(model)) as { parameter_bytes: number }).parameter_bytes;
}

/** The report on a model that stays as it is because nothing else was asked for. */
export function untouched(bytes: number, budget: Accuracy): PrecisionReport {
  return {
    precision: "original",
    verdict: "the model is as it was",
    chosen: "original",
    time_ratio: null,
    accuracy: null,
    budget,
    samples: { calibration: 0, selection: 0, verification: 0 },
    layers: [],
    needs_ortlet: false,
    rewritings: [],
    candidates: [],
    parameter_bytes_before: bytes,
    parameter_bytes_after: bytes,
    made_for: null,
    elapsed_ns: 0,
    seed: 0,
  };
}

/** A share of the original's time, for people. */
export function shareText(ratio: number | null): string {
  return ratio === null ? "an unknown share" : ratio.toFixed(2);
}

/** Figures, for people. */
export function figuresText(figures: AccuracyFigures): string {
  const { sample_count, mean_cosine, min_cosine, top1_agreement } = figures;
  const agreement = top1_agreement === null ? "" : `, top-1 agreement ${(top1_agreement * 100).toFixed(1)} %`;
  const cosines = `${mean_cosine.toFixed(5)} in the mean and ${min_cosine.toFixed(5)} at least`;
  return `on ${sample_count} samples that took no part in the choice, the cosine is ${cosines}${agreement}`;
}
