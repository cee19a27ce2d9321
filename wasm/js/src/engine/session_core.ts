/** A session behind its public faces: checks, turns, runs and what is recorded of them. */

import { ERROR_CODES, OrtletError, invalidArgument, notFound, runtimeFailed, unsupported } from "../api/errors.js";
import { Declared, type Inputs } from "../api/inputs.js";
import { CHECKED, Tensor } from "../api/tensor.js";
import { declared, tensorInfo, type ValueInfo } from "../api/value_info.js";
import type { MetricsReport, RunOptions, SessionReport } from "../api/session_like.js";
import type { MetricsReport as RustReport } from "../generated/reports.js";
import type { Loaded, LoadReport, Phases } from "../load/settings.js";
import type { Recorder, SessionModule } from "../wasm/interface.js";
import { phaseNumbers } from "../wasm/phases.js";
import { Line, checkEnds, type LineOptions } from "./line.js";
import { turnsOf, type Turns } from "./turns.js";
import { isRemote, type Engine, type EngineSession, type EngineTensor } from "./types.js";

/** Outputs by name. */
export type Outputs = Record<string, Tensor>;

/** What a session is told besides what it was made of. */
export interface CoreOptions extends LineOptions {
  readonly dims?: Readonly<Record<string, number>> | undefined;
}

export class SessionCore {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly overridableInitializers: readonly ValueInfo[];
  readonly declared: Declared;
  readonly engine: Engine;
  readonly module: SessionModule;
  readonly #session: EngineSession;
  readonly #outputNames: readonly string[];
  readonly #report: LoadReport;
  readonly #recorder: Recorder;
  readonly #turns: Turns;
  readonly #line: Line;
  /** Outputs that no engine in JavaScript gives; mostly there are none. */
  readonly #strange: readonly ValueInfo[] | undefined;
  #firstRunNs: number | null = null;
  #pending = 0;
  #whenIdle: (() => void) | undefined;
  #end: Promise<void> | undefined;

  constructor(loaded: Loaded, options: CoreOptions, module: SessionModule) {
    const { description, engine, session } = loaded;
    this.inputs = declared(description.inputs, options.dims);
    this.outputs = declared(description.outputs, options.dims);
    this.overridableInitializers = declared(description.overridable_initializers, options.dims);
    this.declared = new Declared(this.inputs, this.overridableInitializers, session.inputNames);
    this.engine = engine;
    this.module = module;
    this.#session = session;
    this.#outputNames = this.outputs.map((info) => info.name as string);
    const strange = this.outputs.filter((info) => strangeness(info) !== undefined);
    this.#strange = strange.length > 0 ? strange : undefined;
    this.#report = loaded.report;
    this.#recorder = new module.Recorder();
    this.#turns = turnsOf(engine);
    this.#line = new Line(this.#turns, options);
  }

  /** Runs the model; what is wrong with the inputs is thrown before the engine sees any. */
  run(inputs: Inputs, options?: RunOptions): Promise<Outputs> {
    try {
      this.checkOpen();
      const wanted = options?.outputs === undefined ? undefined : this.#wanted(options.outputs);
      if (this.#strange !== undefined) this.#checkOutputs(this.#strange, wanted);
      return this.#runFeeds(this.declared.feeds(this.engine, inputs), wanted ?? this.#outputNames, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Runs a binding's tensors, which fit. */
  runBound(feeds: Record<string, EngineTensor>, options: RunOptions): Promise<Outputs> {
    this.checkOpen();
    // Memory that stays is never moved.
    return this.#runFeeds(feeds, this.#outputNames, options.transfer ? { ...options, transfer: false } : options);
  }

  #runFeeds(
    feeds: Record<string, EngineTensor>,
    names: readonly string[],
    options: RunOptions | undefined,
  ): Promise<Outputs> {
    this.#recorder.started();
    this.#pending++;
    const isFree = options?.signal === undefined && options?.deadlineMs === undefined && this.#line.tryEnter();
    if (isFree) return this.#compute(feeds, names, 0, performance.now(), undefined, options);
    return this.#wait(feeds, names, options ?? {});
  }

  async #wait(feeds: Record<string, EngineTensor>, names: readonly string[], options: RunOptions): Promise<Outputs> {
    const asked = performance.now();
    let hasWaited = false;
    try {
      checkEnds(asked, options);
      if (!this.#line.tryEnter()) {
        hasWaited = true;
        await this.#line.wait(asked, options);
      }
    } catch (error) {
      this.#ended(hasWaited ? (performance.now() - asked) * 1e6 : 0, NaN, error);
      throw error;
    }
    const start = performance.now();
    return this.#compute(feeds, names, hasWaited ? (start - asked) * 1e6 : 0, start, asked, options);
  }

  /** Computes; the line was entered before. */
  async #compute(
    feeds: Record<string, EngineTensor>,
    names: readonly string[],
    queueNs: number,
    start: number,
    asked?: number,
    options?: RunOptions,
  ): Promise<Outputs> {
    const session = this.#session;
    try {
      const given = isRemote(session)
        ? await session.run(feeds, names, { ...options, asked: asked ?? start })
        : await session.run(feeds as Record<string, never>, names);
      const tookNs = (performance.now() - start) * 1e6;
      // The engine could not be stopped in between.
      if (asked !== undefined && options !== undefined) checkEnds(asked, options);
      const outputs = this.#named(given, names);
      const result = outputs instanceof Promise ? await outputs : outputs;
      this.#ended(...shares(session, queueNs, tookNs), undefined);
      return result;
    } catch (cause) {
      const error = cause instanceof OrtletError ? cause : runtimeFailed("run", cause);
      this.#ended(...shares(session, queueNs, (performance.now() - start) * 1e6), error);
      throw error;
    } finally {
      this.#line.leave();
    }
  }

  /** The engine's tensors as ours; a promise only where data has to be fetched from elsewhere. */
  #named(given: Readonly<Record<string, unknown>>, names: readonly string[]): Outputs | Promise<Outputs> {
    const outputs: Outputs = {};
    for (const name of names) {
      const tensor = given[name] as EngineTensor;
      if (tensor.location !== undefined && tensor.location !== "cpu") return fetched(given, names);
      outputs[name] = new Tensor(tensor.type as never, tensor.data as never, tensor.dims, CHECKED);
    }
    return outputs;
  }

  /** Records a run that has ended. */
  #ended(queueNs: number, computeNs: number, error: unknown): void {
    const code = error === undefined ? 0 : codeNumber(error);
    this.#recorder.ended(queueNs, computeNs, code);
    if (code === 0) this.#firstRunNs ??= Math.round(computeNs);
    if (--this.#pending === 0) this.#whenIdle?.();
  }

  #wanted(names: readonly string[]): readonly string[] {
    if (!Array.isArray(names)) throw invalidArgument("outputs", "has to be an array of names");
    if (names.length === 0) throw invalidArgument("outputs", "at least one has to be asked for");
    names.forEach((name, at) => {
      if (!this.#outputNames.includes(name)) throw notFound("output", name, this.#outputNames);
      if (names.indexOf(name) !== at) throw invalidArgument("outputs", `\`${name}\` is asked for twice`);
    });
    return names;
  }

  #checkOutputs(strange: readonly ValueInfo[], wanted: readonly string[] | undefined): void {
    const asked = strange.find((info) => wanted === undefined || wanted.includes(info.name as string));
    if (asked === undefined) return;
    throw unsupported(`output \`${asked.name}\``, strangeness(asked) as string);
  }

  /** How the session came to be. */
  report(): SessionReport {
    const phases = { ...this.#report.phases, first_run_ns: this.#firstRunNs };
    return { ...this.#report, phases, warnings: [...this.#report.warnings] } as SessionReport;
  }

  metrics(): MetricsReport {
    this.checkOpen();
    const load = this.#load();
    const report = JSON.parse(this.#recorder.report(phaseNumbers([load]))) as RustReport;
    // Rust does not know the phases that only the web has.
    return { ...report, metrics: { ...report.metrics, load } };
  }

  /** What {@link SessionModule.openmetrics} takes: a handle of the recorder, which it takes away, and the load. */
  measured(): readonly [Recorder, Readonly<Phases>] {
    this.checkOpen();
    return [this.#recorder.share(), this.#load()];
  }

  #load(): Readonly<Phases> {
    return { ...this.#report.phases, first_run_ns: this.#firstRunNs };
  }

  get isDisposed(): boolean {
    return this.#end !== undefined;
  }

  /** Ends the session once the runs that were asked for have ended. */
  dispose(): Promise<void> {
    this.#end ??= this.#dispose();
    return this.#end;
  }

  async #dispose(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((idle) => (this.#whenIdle = idle));
    await this.#turns.during(() => this.#session.release());
    this.#recorder.free();
  }

  /** Throws if the session was disposed. */
  checkOpen(): void {
    if (this.#end !== undefined) throw invalidArgument("session", "is closed");
  }
}

/** What of the time was waiting and what was computing: of a run elsewhere, the way there and back is waiting. */
function shares(session: EngineSession, queueNs: number, tookNs: number): readonly [number, number] {
  if (!isRemote(session)) return [queueNs, tookNs];
  const { computedNs } = session;
  const otherNs = Number.isNaN(computedNs) ? tookNs : Math.max(0, tookNs - computedNs);
  return [queueNs + otherNs, computedNs];
}

/** Why no engine gives an output, if none does. */
function strangeness(info: ValueInfo): string | undefined {
  const dtype = tensorInfo(info)?.dtype;
  if (dtype === undefined) return `it is a ${info.kind}, and engines in JavaScript give only tensors`;
  // One engine fails at them, another ends the process.
  return dtype === "int4" || dtype === "uint4" ? `engines in JavaScript give no ${dtype}` : undefined;
}

function codeNumber(error: unknown): number {
  return ERROR_CODES.indexOf(error instanceof OrtletError ? error.code : "internal") + 1;
}

async function fetched(given: Readonly<Record<string, unknown>>, names: readonly string[]): Promise<Outputs> {
  const outputs: Outputs = {};
  for (const name of names) {
    const tensor = given[name] as EngineTensor;
    const data = tensor.getData === undefined ? tensor.data : await tensor.getData(true);
    outputs[name] = new Tensor(tensor.type as never, data as never, tensor.dims, CHECKED);
  }
  return outputs;
}
