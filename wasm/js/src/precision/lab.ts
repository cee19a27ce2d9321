/** Where models are tried: the samples, what the original gives for them, and how far another model is off. */

import { deadlineExceeded, throwIfAborted } from "../api/errors.js";
import type { EngineSession, EngineTensor } from "../engine/types.js";
import type { AccuracyFigures } from "../generated/reports.js";
import { createSession } from "../load/create.js";
import { breathe, nowNs, progress, untilAborted, type Phase } from "../load/progress.js";
import type { EngineModel } from "../load/settings.js";
import type { Description, ToolsModule } from "../wasm/interface.js";
import type { ChoiceContext } from "./choose.js";
import { Budget } from "./judge.js";
import { runEngine, sizeOf, type Outputs } from "./outputs.js";

/** How long a choice may take by default. */
const TIME_LIMIT_MS = 60_000;
/** The most that outputs kept for comparison may take, but of so many samples they are kept in any case. */
const REFERENCE_BYTES = 128 * 2 ** 20;
const FEWEST_KEPT = 2;
/** The page gets a turn at least this often. */
const BREATH_NS = 50e6;

/** What the original gives for some samples. */
export type Reference = readonly { readonly sample: number; readonly outputs: Outputs }[];

/** Tries models for one choice. */
export class Lab {
  readonly samples: readonly Readonly<Record<string, unknown>>[];
  readonly budget: Budget;
  /** Decides how samples are divided and in which order candidates run. */
  readonly seed: number;
  private readonly start = nowNs();
  private readonly limitNs: number;
  private phase: Phase = "measure";
  private stage = "";
  private lastBreath = nowNs();

  constructor(
    readonly context: ChoiceContext,
    readonly tools: ToolsModule,
    readonly description: Description,
    readonly external: EngineModel["externalData"],
  ) {
    const { settings, environment } = context;
    this.samples = settings.samples ?? [];
    this.seed = settings.seed ?? 0;
    this.limitNs = (settings.timeLimitMs ?? TIME_LIMIT_MS) * 1e6;
    const shown = environment.shown ?? ((outputs: Outputs): Outputs => outputs);
    this.budget = new Budget(tools, settings.accuracy ?? {}, shown as never);
  }

  get elapsedNs(): number {
    return nowNs() - this.start;
  }

  /** The time that is left. */
  get leftNs(): number {
    return Math.max(0, this.limitNs - this.elapsedNs);
  }

  /** Says what is done from here on. */
  begin(phase: Phase, stage: string): void {
    [this.phase, this.stage] = [phase, stage];
    this.tell(0);
  }

  tell(done: number, total?: number): void {
    this.context.settings.onProgress?.(progress(this.phase, done, total, this.stage));
  }

  /** Lets the page have its turn if it is due; throws if the caller has given up. */
  async pause(): Promise<void> {
    if (nowNs() - this.lastBreath > BREATH_NS) {
      await breathe();
      this.lastBreath = nowNs();
    }
    throwIfAborted(this.context.settings.signal);
  }

  /** Throws `deadline_exceeded` if the time is up. */
  checkTime(): void {
    if (this.leftNs === 0) throw deadlineExceeded(this.elapsedNs, this.limitNs);
  }

  /** A session as the caller's will be. */
  async session(model: Uint8Array): Promise<EngineSession> {
    await this.pause();
    const { settings, started } = this.context;
    const creating = createSession(started.engine, { bytes: model, externalData: this.external }, settings);
    return untilAborted(settings.signal, creating, (session) => void session.release().catch(() => undefined));
  }

  /** Does something with a session, and gives it back. */
  async withSession<T>(model: Uint8Array, work: (session: EngineSession) => Promise<T>): Promise<T> {
    const session = await this.session(model);
    try {
      return await work(session);
    } finally {
      await session.release().catch(() => undefined);
    }
  }

  /** The engine's tensors of a sample. */
  feeds(sample: number): Record<string, EngineTensor> {
    const { environment, started } = this.context;
    return environment.feeds(started.engine, this.description.inputs, this.samples[sample]!);
  }

  async run(session: EngineSession, sample: number): Promise<Outputs> {
    await this.pause();
    return runEngine(this.context.started.engine, session, this.feeds(sample));
  }

  /** Runs the original on samples; on fewer if their outputs would take too much memory. */
  async reference(original: EngineSession, samples: readonly number[]): Promise<Reference> {
    const kept: { sample: number; outputs: Outputs }[] = [];
    let bytes = 0;
    for (const sample of samples) {
      if (bytes > REFERENCE_BYTES && kept.length >= FEWEST_KEPT) break;
      this.tell(kept.length, samples.length);
      this.checkTime();
      const outputs = await this.run(original, sample);
      bytes += sizeOf(outputs);
      kept.push({ sample, outputs });
    }
    return kept;
  }

  /** How far a model is off. */
  async accuracy(session: EngineSession, reference: Reference): Promise<AccuracyFigures> {
    const judge = this.budget.judge();
    for (const { sample, outputs } of reference) {
      this.checkTime();
      await judge.sample(outputs, await this.run(session, sample));
    }
    return judge.finish();
  }

  /** The same of a model that needs a session. */
  accuracyOf(model: Uint8Array, reference: Reference): Promise<AccuracyFigures> {
    return this.withSession(model, (session) => this.accuracy(session, reference));
  }

  /** The same for any number of samples, without keeping what the original gives. */
  async compare(original: EngineSession, session: EngineSession, samples: readonly number[]): Promise<AccuracyFigures> {
    const judge = this.budget.judge();
    for (const [done, sample] of samples.entries()) {
      this.tell(done, samples.length);
      await judge.sample(await this.run(original, sample), await this.run(session, sample));
    }
    return judge.finish();
  }
}
