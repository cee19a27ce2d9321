/** Candidates: whole models in which some layers have another form, within the budget on the samples to choose by. */

import { OrtletError } from "../api/errors.js";
import type { AccuracyFigures, QuantizeReport } from "../generated/reports.js";
import type { QuantizeMode } from "../generated/words.js";
import type { RustCalibration } from "../wasm/interface.js";
import type { Lab, Reference } from "./lab.js";
import { quantized, type Quantized } from "./mode.js";
import { emptyRow, type CandidateRow, type LayerRow, type Trial } from "./report.js";
import { leastHarmfulFirst, mostPassing } from "./subset.js";

/** Tries to add more layers to those that are within the budget. */
const MORE_TRIES = 4;
/** Samples for what is tried very often. */
const SHORT_COUNT = 4;
/** The share of the time that is left that measuring the damage of single layers may take. */
const SHARE_FOR_DAMAGES = 0.4;
/** Nothing more is tried when this share of the time is over: the race and the verification need the rest. */
const SHARE_FOR_TRIES = 0.6;

/** A way to quantize the whole model. */
interface Family {
  readonly name: string;
  readonly mode: QuantizeMode;
  readonly isCalibrated: boolean;
}

const FAMILIES: readonly Family[] = [
  { name: "int8-dynamic", mode: "int8-dynamic", isCalibrated: false },
  { name: "int8-dynamic, calibrated", mode: "int8-dynamic", isCalibrated: true },
  { name: "int8-static", mode: "int8-static", isCalibrated: true },
  { name: "weights-8", mode: "weights-8", isCalibrated: false },
];

/** A model that keeps the budget on the samples to choose by. */
export interface Candidate {
  readonly name: string;
  readonly family: string;
  readonly made: Quantized;
  readonly accuracy: AccuracyFigures;
}

/** Makes candidates of a model, and keeps what was learnt of its layers. */
export class Workshop {
  readonly layers: LayerRow[] = [];
  readonly warnings: string[] = [];
  /** Candidates that are out before they could race. */
  rejected: CandidateRow[] = [];
  private readonly tooSlow = new Set<string>();

  constructor(
    private readonly lab: Lab,
    private readonly model: Uint8Array,
    private readonly calibration: RustCalibration | undefined,
    private readonly reference: Reference,
  ) {}

  /** All candidates that keep a share of the budget. */
  async candidates(share: number): Promise<Candidate[]> {
    this.rejected = [];
    const candidates: Candidate[] = [];
    for (const family of FAMILIES) {
      if (this.tooSlow.has(family.name) || (family.isCalibrated && this.calibration === undefined)) continue;
      const candidate = await this.candidate(family, share);
      if (candidate === undefined) continue;
      const twin = candidates.find((known) => isSame(known.made.model, candidate.made.model));
      if (twin === undefined) candidates.push(candidate);
      else this.reject(candidate.name, `it is the same as \`${twin.name}\``, candidate.made.report, candidate.accuracy);
    }
    return candidates;
  }

  /** Leaves the family of a candidate out from now on: with fewer layers it is slower still. */
  isTooSlow(candidate: Candidate): void {
    this.tooSlow.add(candidate.family);
  }

  private get isLate(): boolean {
    return this.lab.leftNs < (1 - SHARE_FOR_TRIES) * (this.lab.elapsedNs + this.lab.leftNs);
  }

  private async candidate(family: Family, share: number): Promise<Candidate | undefined> {
    if (this.isLate) {
      this.reject(family.name, "the time was up before it could be tried");
      return undefined;
    }
    this.lab.begin("measure", `trying ${family.name}`);
    let made: Quantized;
    try {
      made = this.build(family, []);
    } catch (error) {
      this.rethrow(error);
      this.reject(family.name, reasonOf(error));
      return undefined;
    }
    this.note(family, made.report);
    if (made.report.quantized_count === 0) {
      this.reject(family.name, "there is no layer that it is for");
      return undefined;
    }
    return (await this.held(family.name, family, made, share)) ?? (await this.part(family, made.report, share));
  }

  /** Holds a model to a share of the budget; `undefined` if it does not keep it. */
  private async held(name: string, family: Family, made: Quantized, share: number): Promise<Candidate | undefined> {
    try {
      const accuracy = await this.lab.accuracyOf(made.model, this.reference);
      const breach = this.lab.budget.breach(accuracy, share);
      if (breach === undefined) return { name, family: family.name, made, accuracy };
      const reason = `${breach}, of which candidates may use ${(share * 100).toFixed(0)} % here`;
      this.reject(name, reason, made.report, accuracy);
    } catch (error) {
      this.rethrow(error);
      this.reject(name, reasonOf(error), made.report);
    }
    return undefined;
  }

  /** The most of a family that keeps the budget. */
  private async part(family: Family, whole: QuantizeReport, share: number): Promise<Candidate | undefined> {
    const nodes = whole.layers.filter((layer) => layer.outcome === "quantized").map((layer) => layer.node);
    if (nodes.length < 2 || this.isLate) return undefined;
    await this.measureDamages(family, nodes);
    // Without time to measure it, suspect the worst.
    const damages = nodes.map((node) => this.trial(node, family.name)?.damage ?? 1);
    let best: Candidate | undefined;
    await mostPassing(leastHarmfulFirst(damages), MORE_TRIES, async (layers) => {
      if (this.isLate) return false;
      const kept = new Set(layers.map((at) => nodes[at]));
      const name = `${family.name}, ${layers.length} of ${nodes.length} layers`;
      const made = this.build(
        family,
        nodes.filter((node) => !kept.has(node)),
      );
      const candidate = await this.held(name, family, made, share);
      best = candidate ?? best;
      return candidate !== undefined;
    });
    return best;
  }

  /** What each layer alone does to the results, as far as the time goes and if it is not known yet. */
  private async measureDamages(family: Family, nodes: readonly string[]): Promise<void> {
    const short = this.reference.slice(0, SHORT_COUNT);
    const end = this.lab.leftNs * (1 - SHARE_FOR_DAMAGES);
    for (const [done, node] of nodes.entries()) {
      if (this.lab.leftNs < end || this.isLate) break;
      const trial = this.trial(node, family.name);
      if (trial === undefined || trial.damage !== null) continue;
      this.lab.tell(done, nodes.length);
      trial.damage = await this.damage(
        family,
        nodes.filter((other) => other !== node),
        short,
      );
    }
  }

  private async damage(family: Family, exclude: readonly string[], short: Reference): Promise<number> {
    try {
      return 1 - (await this.lab.accuracyOf(this.build(family, exclude).model, short)).mean_cosine;
    } catch (error) {
      this.rethrow(error);
      // A layer that makes the model invalid does all the damage that there is.
      return 1;
    }
  }

  private build(family: Family, exclude: readonly string[]): Quantized {
    const calibration = family.isCalibrated ? this.calibration : undefined;
    return quantized(this.lab, this.model, family.mode, calibration, { exclude });
  }

  /** Notes which layers a family is for. */
  private note(family: Family, report: QuantizeReport): void {
    for (const { node, op_type, shape, outcome, reason } of report.layers) {
      let row = this.layers.find((known) => known.node === node);
      if (row === undefined) {
        row = { node, op_type, shape: [...shape], form: null, reason: null, trials: [] };
        this.layers.push(row);
      }
      const isNew = !row.trials.some((trial) => trial.family === family.name);
      const trial = { family: family.name, form: family.mode, float_ns: null, form_ns: null, damage: null };
      if (outcome === "quantized" && isNew) row.trials.push(trial);
      if (outcome === "skipped" && row.reason === null) row.reason = `${family.mode}: ${reason}`;
    }
  }

  private trial(node: string, family: string): Trial | undefined {
    return this.layers.find((layer) => layer.node === node)?.trials.find((trial) => trial.family === family);
  }

  private reject(name: string, reason: string, report?: QuantizeReport, accuracy?: AccuracyFigures): void {
    const row = emptyRow(name);
    [row.reason, row.accuracy] = [reason, accuracy ?? null];
    row.quantized_count = report?.quantized_count ?? 0;
    row.parameter_bytes = report?.parameter_bytes_after ?? 0;
    this.rejected.push(row);
  }

  /** What is nobody's fault but the caller's wish ends everything. */
  private rethrow(error: unknown): void {
    if (error instanceof OrtletError && error.code === "cancelled") throw error;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  try {
    return (JSON.parse(String(error)) as { message: string }).message;
  } catch {
    return String(error);
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
