/** How far outputs are off those of the original, and whether that is within what the caller allows. */

import { OrtletError, invalidArgument } from "../api/errors.js";
import type { EngineTensor } from "../engine/types.js";
import type { Accuracy, AccuracyFigures } from "../generated/reports.js";
import type { AccuracySettings } from "../load/settings.js";
import type { Judge as RustJudge, ToolsModule } from "../wasm/interface.js";
import { crossing, type Outputs } from "./outputs.js";

/** A user's measure of the outputs of both models for one sample. */
export type Measure = (reference: Outputs, candidate: Outputs) => number | Promise<number>;

/** The figures by what they are called in words. */
const FIGURES: Readonly<Record<string, keyof AccuracyFigures>> = {
  "minimum cosine": "min_cosine",
  "mean cosine": "mean_cosine",
  "top-1 agreement": "top1_agreement",
  "maximum absolute error": "max_absolute_error",
  "the caller's measure": "measure",
};

/** What is allowed. */
export class Budget {
  /** As JSON that every language reads and writes. */
  readonly document: Accuracy;

  constructor(
    private readonly tools: ToolsModule,
    private readonly settings: AccuracySettings,
    /** Makes of the engine's outputs what the user's measure takes. */
    private readonly shown: (outputs: Readonly<Record<string, EngineTensor>>) => never,
  ) {
    this.document = {
      min_cosine: valueOr(settings.minCosine, 0.997),
      mean_cosine: valueOr(settings.meanCosine, 0.999),
      max_absolute_error: settings.maxAbsoluteError ?? null,
      top1_agreement: settings.top1Agreement ?? null,
    };
    this.check();
  }

  private check(): void {
    const { measure, measureAtLeast } = this.settings;
    if (measure !== undefined && !(typeof measureAtLeast === "number" && !Number.isNaN(measureAtLeast))) {
      throw invalidArgument("accuracy.measureAtLeast", "it has to be the least that `measure` may give in the mean");
    }
    const asksForNothing = Object.values(this.document).every((bound) => bound === null);
    if (measure === undefined || !asksForNothing) this.tools.check_accuracy(JSON.stringify(this.document));
  }

  /** A judge that has seen nothing. */
  judge(): Judge {
    const { measure } = this.settings;
    const own =
      measure === undefined
        ? undefined
        : (reference: Outputs, candidate: Outputs): number | Promise<number> =>
            measure(this.shown(reference), this.shown(candidate));
    return new Judge(new this.tools.Judge(), own);
  }

  /** What figures breach if they may use a share of what is allowed, in words. */
  breach(figures: AccuracyFigures, share: number): string | undefined {
    const breach = this.tools.breach(JSON.stringify(this.document), JSON.stringify(figures), share);
    const bound = this.settings.measureAtLeast;
    if (breach !== undefined || this.settings.measure === undefined || bound === undefined) return breach;
    // Of an unknown measure there is no telling what a share of the damage would be. Written so that NaN is a breach.
    const actual = figures.measure ?? Number.NaN;
    return actual >= bound ? undefined : `the caller's measure is ${actual.toFixed(6)}, the budget is ${bound}`;
  }

  /** Throws if figures are out of the budget. */
  enforce(figures: AccuracyFigures): void {
    const breach = this.breach(figures, 1);
    if (breach === undefined) return;
    const [, metric = breach, , budget] = /^(.*) is (\S+), the budget is (\S+)$/.exec(breach) ?? [];
    const facts = { metric, budget: Number(budget), actual: figures[FIGURES[metric] ?? "measure"] };
    const message = `accuracy budget missed: ${metric} is ${facts.actual}, the budget is ${budget}`;
    throw new OrtletError("accuracy_budget", message, facts);
  }
}

function valueOr(value: number | null | undefined, byDefault: number): number | null {
  return value === undefined ? byDefault : value;
}

/** Compares outputs sample by sample. */
export class Judge {
  private measured = 0;

  constructor(
    private readonly judge: RustJudge,
    private readonly measure: Measure | undefined,
  ) {}

  async sample(reference: Outputs, candidate: Outputs): Promise<void> {
    this.judge.begin();
    for (const [name, tensor] of Object.entries(reference)) this.judge.reference(name, ...crossing(tensor));
    for (const [name, tensor] of Object.entries(candidate)) this.judge.candidate(name, ...crossing(tensor));
    this.judge.end();
    if (this.measure !== undefined) this.measured += Number(await this.measure(reference, candidate));
  }

  /** The figures; nothing else may be done with the judge then. */
  finish(): AccuracyFigures {
    const figures = JSON.parse(this.judge.figures()) as AccuracyFigures;
    this.judge.free();
    const count = Math.max(1, figures.sample_count);
    return { ...figures, measure: this.measure === undefined ? null : this.measured / count };
  }
}
