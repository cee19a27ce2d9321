/** `precision: "auto"`: rewrites, learns ranges, makes candidates, races them, verifies the winner on new samples. */

import { OrtletError } from "../api/errors.js";
import type { EngineSession } from "../engine/types.js";
import type { AccuracyFigures, LayerTrial, PrecisionReport, RewritingCount } from "../generated/reports.js";
import type { RewriteKind } from "../generated/words.js";
import type { RustCalibration } from "../wasm/interface.js";
import { fromRust } from "../wasm/modules.js";
import type { Choice } from "./choose.js";
import { nowNs } from "../load/progress.js";
import type { Lab, Reference } from "./lab.js";
import { divided, learn, madeFor, type Division } from "./mode.js";
import { race, type Entrant, type Outcome, type Result } from "./race.js";
import {
  emptyRow,
  figuresText,
  parameterBytes,
  shareText,
  type CandidateRow,
  type LayerRow,
  type Trial,
} from "./report.js";
import { Workshop, type Candidate } from "./workshop.js";

/** The shares of the budget that candidates may use on the samples they are chosen by; the rest is for unseen ones. */
const SHARES = [0.85, 0.5, 0.25];
const RACE_COUNT = 8;
/** Rounding stays above this. */
const LEAST_COSINE = 0.99999;
/** A family that took more than this share of the time is not tried with fewer layers. */
const WORTH_ANOTHER_TRY = 0.9;
/** The shares of the time that is left that races may take. */
const FIRST_RACE = 0.2;
const RACE = 0.8;

/** The model to beat, and its time as a share of the original's. */
interface Champion extends Entrant {
  readonly ratio: number | null;
}

/** What was chosen. */
interface Winner {
  readonly candidate: Candidate;
  readonly accuracy: AccuracyFigures;
  readonly ratio: number | null;
}

/** Chooses the fastest model that is accurate enough; in doubt the original. */
export async function chooseFastest(lab: Lab, model: Uint8Array): Promise<Choice> {
  const division = divided(lab);
  return lab
    .withSession(model, async (original) => {
      lab.begin("measure", "running the original");
      const start = nowNs();
      const first = await lab.reference(original, division.selection.slice(0, 1));
      const runNs = nowNs() - start;
      const rest = await lab.reference(original, division.selection.slice(1));
      return new Search(lab, model, original, division, [...first, ...rest], runNs).run();
    })
    .catch((error: unknown) => onTimeUp(lab, model, error));
}

/** If not even the original could be run often enough in the time, it stays. */
function onTimeUp(lab: Lab, model: Uint8Array, error: unknown): Choice {
  if (!(error instanceof OrtletError && error.code === "deadline_exceeded")) throw error;
  const bytes = parameterBytes(lab.tools, model);
  const report: PrecisionReport = {
    ...blank(lab),
    verdict: "the original is kept: the time was up before anything could be tried",
    chosen: "original",
    candidates: [{ ...emptyRow("original"), is_chosen: true, parameter_bytes: bytes }],
    parameter_bytes_before: bytes,
    parameter_bytes_after: bytes,
  };
  return { model, report };
}

function blank(lab: Lab): PrecisionReport {
  return {
    precision: "auto",
    verdict: "",
    chosen: "",
    time_ratio: null,
    accuracy: null,
    budget: lab.budget.document,
    samples: { calibration: 0, selection: 0, verification: 0 },
    layers: [],
    needs_ortlet: false,
    rewritings: [],
    candidates: [],
    parameter_bytes_before: 0,
    parameter_bytes_after: 0,
    made_for: madeFor(lab),
    elapsed_ns: lab.elapsedNs,
    seed: lab.seed,
  };
}

class Search {
  private readonly rows: CandidateRow[];
  private readonly warnings: string[] = [];
  private readonly racing: readonly number[];
  private readonly originalBytes: number;
  private rewritings: RewritingCount[] = [];
  private layers: LayerRow[] = [];

  constructor(
    private readonly lab: Lab,
    private readonly model: Uint8Array,
    private readonly original: EngineSession,
    private readonly division: Division,
    private readonly reference: Reference,
    /** Time of a run of the original. */
    private readonly runNs: number,
  ) {
    this.racing = division.selection.slice(0, RACE_COUNT);
    this.originalBytes = parameterBytes(lab.tools, model);
    this.rows = [{ ...emptyRow("original"), parameter_bytes: this.originalBytes }];
  }

  async run(): Promise<Choice> {
    const rewritten = await this.rewritten();
    const champion = await this.champion(rewritten);
    const calibration = await this.ranges(rewritten ?? this.model);
    const workshop = new Workshop(this.lab, rewritten ?? this.model, calibration, this.reference);
    const winner = await this.winner(workshop, champion);
    calibration?.free();
    this.warnings.push(...workshop.warnings);
    this.layers = workshop.layers;
    if (winner !== undefined) {
      // It beat the rewritten model, too, where that was the one to beat.
      if (champion.ratio !== null) this.rows.find((row) => row.name === "rewritten")!.reason = "another was faster";
      return this.ofWinner(winner);
    }
    return champion.ratio === null ? this.ofOriginal() : this.ofRewritten(champion);
  }

  /** Time that verifying a model takes, and a little more. */
  private get verifyNs(): number {
    return this.division.verification.length * this.runNs * 2.5;
  }

  /** The original without what costs time for nothing but rounding; `undefined` if that shows in the results. */
  private async rewritten(): Promise<Uint8Array | undefined> {
    this.lab.begin("measure", "rewriting without loss");
    try {
      const changed = this.lab.tools.simplify(this.model);
      const model = changed.take_model();
      const { rewrites } = JSON.parse(changed.report()) as { rewrites: { kind: RewriteKind }[] };
      changed.free();
      if (rewrites.length === 0) return undefined;
      const accuracy = await this.lab.accuracyOf(model, this.reference);
      if (!(accuracy.min_cosine >= LEAST_COSINE)) {
        throw new Error(`results changed (minimum cosine ${accuracy.min_cosine})`);
      }
      this.rewritings = counted(rewrites.map((rewrite) => rewrite.kind));
      this.rows.push({ ...emptyRow("rewritten"), accuracy, parameter_bytes: parameterBytes(this.lab.tools, model) });
      return model;
    } catch (thrown) {
      const error = fromRust(thrown);
      if (error instanceof OrtletError && error.code === "cancelled") throw error;
      this.warnings.push(`not rewritten: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** The rewritten model if it is faster than the original, else that: quantizing has to pay beside what is free. */
  private async champion(rewritten: Uint8Array | undefined): Promise<Champion> {
    const original: Champion = { name: "the original", model: this.model, ratio: null };
    if (rewritten === undefined || this.lab.leftNs === 0) return original;
    this.lab.begin("measure", "racing the rewritten model");
    const entrant = { name: "the rewritten model", model: rewritten };
    const outcome = await race(this.lab, original, [entrant], this.racing, this.lab.leftNs * FIRST_RACE);
    noteTimes(this.rows[0]!, outcome.results[0]!);
    noteTimes(this.rows[1]!, outcome.results[1]!, true);
    this.rows[1]!.reason = outcome.results[1]!.reason;
    return outcome.winner === undefined ? original : { ...entrant, ratio: outcome.results[1]!.finalRatio };
  }

  /** How large activations get; nothing if there was not the time to see all samples. */
  private async ranges(model: Uint8Array): Promise<RustCalibration | undefined> {
    const end = this.lab.leftNs / 2;
    const checkTime = (): void => {
      if (this.lab.leftNs < end) throw new TimeUp("time was up before the ranges of activations were known");
    };
    try {
      return await learn(this.lab, model, this.division.calibration, checkTime);
    } catch (error) {
      if (!(error instanceof TimeUp)) throw error;
      this.warnings.push(`no form that needs ranges was tried: ${error.message}`);
      return undefined;
    }
  }

  /** The fastest candidate that is faster than the champion and keeps the budget on unseen samples, if there is one. */
  private async winner(workshop: Workshop, champion: Champion): Promise<Winner | undefined> {
    for (const share of SHARES) {
      const candidates = await workshop.candidates(share);
      for (const row of workshop.rejected) this.tellOf(row);
      const raceNs = (this.lab.leftNs - this.verifyNs) * RACE;
      if (candidates.length === 0) return undefined;
      if (raceNs <= 0) {
        for (const { name } of candidates) this.tellOf({ ...emptyRow(name), reason: "there was no time for a race" });
        return undefined;
      }
      this.lab.begin("measure", "racing the candidates");
      const entrants = candidates.map(({ name, made }) => ({ name, model: made.model }));
      const outcome = await race(this.lab, champion, entrants, this.racing, raceNs);
      this.note(candidates, outcome);
      for (const [at, candidate] of candidates.entries()) {
        if (!(outcome.results[at + 1]!.ratio <= WORTH_ANOTHER_TRY)) workshop.isTooSlow(candidate);
      }
      if (outcome.winner === undefined) return undefined;
      const candidate = candidates[outcome.winner]!;
      const accuracy = await this.verify(candidate.made.model);
      const breach = this.lab.budget.breach(accuracy, 1);
      const ratio = outcome.results[outcome.winner + 1]!.finalRatio;
      if (breach === undefined) {
        return { candidate, accuracy, ratio: ratio === null ? null : ratio * (champion.ratio ?? 1) };
      }
      // The others use the budget as much. With less of it, there is more room for what was not seen.
      this.refute(candidate.name, breach);
    }
    return undefined;
  }

  /** How far a model is off on the samples that took no part in any choice. */
  private verify(model: Uint8Array): Promise<AccuracyFigures> {
    this.lab.begin("measure", "verifying the winner");
    const { verification } = this.division;
    return this.lab.withSession(model, (session) => this.lab.compare(this.original, session, verification));
  }

  private note(candidates: readonly Candidate[], outcome: Outcome): void {
    if (this.rows[0]!.median_ns === null) noteTimes(this.rows[0]!, outcome.results[0]!);
    for (const [at, { name, made, accuracy }] of candidates.entries()) {
      const { quantized_count, parameter_bytes_after } = made.report;
      const row = { ...emptyRow(name), quantized_count, parameter_bytes: parameter_bytes_after, accuracy };
      noteTimes(row, outcome.results[at + 1]!, true);
      row.reason = outcome.results[at + 1]!.reason;
      this.tellOf(row);
    }
  }

  /** Puts a candidate into the table, in the place of what was told of it before. */
  private tellOf(row: CandidateRow): void {
    const place = this.rows.findIndex((known) => known.name === row.name);
    if (place >= 0) this.rows.splice(place, 1);
    this.rows.push(row);
  }

  private refute(name: string, breach: string): void {
    const row = this.rows.find((known) => known.name === name);
    if (row !== undefined) row.reason = `on samples that took no part in the choice, ${breach}`;
  }

  private ofWinner({ candidate, accuracy, ratio }: Winner): Choice {
    const { made, name } = candidate;
    for (const { node, outcome, mode } of made.report.layers) {
      const row = this.layers.find((known) => known.node === node);
      if (row !== undefined && outcome === "quantized") row.form = mode ?? null;
    }
    const verdict = `\`${name}\` takes ${shareText(ratio)} of the original's time; ${figuresText(accuracy)}`;
    return {
      model: made.model,
      report: this.report(name, verdict, accuracy, ratio, made.report.parameter_bytes_after),
    };
  }

  private async ofRewritten({ model, ratio }: Champion): Promise<Choice> {
    const accuracy = await this.verify(model);
    const verdict =
      "no layer is quantized: nothing was faster by 5 % within the budget than the model rewritten without loss, " +
      `which takes ${shareText(ratio)} of the original's time; ${figuresText(accuracy)}`;
    return { model, report: this.report("rewritten", verdict, accuracy, ratio, parameterBytes(this.lab.tools, model)) };
  }

  private ofOriginal(): Choice {
    const tried = this.rows.length - 1;
    const verdict = `the original is kept: none of ${tried} candidates was faster by 5 % within the budget`;
    return { model: this.model, report: this.report("original", verdict, null, null, this.originalBytes) };
  }

  private report(
    chosen: string,
    verdict: string,
    accuracy: AccuracyFigures | null,
    ratio: number | null,
    bytesAfter: number,
  ): PrecisionReport {
    this.layers.forEach(settleReason);
    const { calibration, verification } = this.division;
    return {
      ...blank(this.lab),
      verdict,
      chosen,
      time_ratio: ratio,
      accuracy,
      samples: { calibration: calibration.length, selection: this.reference.length, verification: verification.length },
      layers: this.layers.map((layer) => ({ ...layer, trials: layer.trials.map(told) })),
      rewritings: this.rewritings,
      candidates: this.rows.map((row) => ({ ...row, is_chosen: row.name === chosen })),
      parameter_bytes_before: this.originalBytes,
      parameter_bytes_after: bytesAfter,
      ...(this.warnings.length > 0 ? { warnings: this.warnings } : {}),
    };
  }
}

/** There was not the time for one step. */
class TimeUp extends Error {}

function told({ form, float_ns, form_ns, damage }: Trial): LayerTrial {
  return { form, float_ns, form_ns, damage };
}

/** Why a layer is as it was, if nothing said so before. */
function settleReason(layer: LayerRow): void {
  if (layer.form !== null) layer.reason = null;
  else if (layer.trials.length > 0) layer.reason = "the chosen model is faster or more accurate without";
}

function noteTimes(row: CandidateRow, result: Result, isOther = false): void {
  [row.median_ns, row.lower_quartile_ns, row.upper_quartile_ns] = [result.median, result.lower, result.upper];
  if (isOther) [row.ratio, row.final_ratio] = [result.ratio, result.finalRatio];
}

function counted(kinds: readonly RewriteKind[]): RewritingCount[] {
  const counts = new Map<RewriteKind, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => ({ kind, count }));
}
