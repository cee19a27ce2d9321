/** Options of a load: their types for people, and checks at run time for those who have no types. */

import type { Engine, EngineLoader } from "../engine/types.js";
import type { ACCURACY_OPTIONS, AccuracyOptions, PRECISION_OPTIONS, SESSION_OPTIONS } from "../generated/options.js";
import { OPTIMIZATION_LEVELS, PRECISIONS, type OptimizationLevel, type Precision } from "../generated/words.js";
import type { LoadSettings } from "../load/settings.js";
import { invalidArgument } from "./errors.js";
import type { Inputs } from "./inputs.js";
import type { Tensor } from "./tensor.js";

/** How far the results of a changed model may be off, also by a measure of the caller's own. */
export interface Accuracy extends AccuracyOptions {
  /** The caller's own measure of what the original and a candidate give for one sample. Larger is better. */
  readonly measure?: ((reference: Record<string, Tensor>, candidate: Record<string, Tensor>) => number) | undefined;
  /** The least that the mean of `measure` over the samples may be. */
  readonly measureAtLeast?: number | undefined;
}

/** How a model is loaded. */
export interface LoadOptions extends Omit<LoadSettings, "samples" | "accuracy" | "precision" | "optimizationLevel"> {
  /** With what numbers the model computes. Default: `"original"`. */
  readonly precision?: Precision | undefined;
  /** Batches of real inputs, for `precision: "auto"` and modes that need a calibration. */
  readonly samples?: readonly Inputs[] | undefined;
  /** How far results may be off with `precision: "auto"`. */
  readonly accuracy?: Accuracy | undefined;
  /**
   * How long the choice of `precision: "auto"` may take, in milliseconds; what was not tried by then is left out.
   * Default: 60000.
   */
  readonly timeLimitMs?: number | undefined;
  /** Decides how samples are divided and in which order candidates run. Default: 0. */
  readonly seed?: number | undefined;
  /** How far the graph is rewritten before it runs. Default: `"all"`. */
  readonly optimizationLevel?: OptimizationLevel | undefined;
  /**
   * The engine, for example the namespace of `import * as engine from "onnxruntime-web/webgpu"`, or a function that
   * imports it. Of `ortlet/core` it has to be given; `ortlet` ships one.
   */
  readonly engine?: Engine | EngineLoader | undefined;
  /** How long the engine may take to start, in milliseconds; then the load fails with `runtime_failed`. Default: 30000. */
  readonly startTimeoutMs?: number | undefined;
  /** The most runs of this session that may compute or wait for the engine; no bound if absent. */
  readonly concurrencyLimit?: number | null | undefined;
  /** How long further ones wait before they fail with `pool_exhausted`, in milliseconds. Default: 1000. */
  readonly concurrencyWaitMs?: number | undefined;
}

/** Throws if a value can never work. */
type Check = (name: string, value: unknown) => unknown;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function wrong(name: string, reason: string): never {
  throw invalidArgument(name, reason);
}

const wholeFrom =
  (least: number): Check =>
  (name, value) => {
    if (!Number.isSafeInteger(value) || (value as number) < least)
      wrong(name, `must be a whole number of at least ${least}`);
  };

const oneOf =
  (...words: readonly string[]): Check =>
  (name, value) => {
    if (typeof value !== "string" || !words.includes(value)) {
      wrong(name, `\`${String(value)}\` is none of ${words.join(", ")}`);
    }
  };

const typed =
  (type: string, words: string): Check =>
  (name, value) => {
    if (typeof value !== type) wrong(name, `must be ${words}`);
  };

const either =
  (words: string, ...tests: ((value: unknown) => boolean)[]): Check =>
  (name, value) => {
    if (!tests.some((test) => test(value))) wrong(name, `must be ${words}`);
  };

const milliseconds: Check = (name, value) => {
  if (typeof value !== "number" || !(value >= 0)) wrong(name, "must be a number of milliseconds");
};

const numberOrNull = either("a number", (value) => value === null || typeof value === "number");

const ACCURACY: Record<keyof typeof ACCURACY_OPTIONS | keyof Accuracy, Check> = {
  minCosine: numberOrNull,
  meanCosine: numberOrNull,
  maxAbsoluteError: numberOrNull,
  top1Agreement: numberOrNull,
  measure: typed("function", "a function"),
  measureAtLeast: typed("number", "a number"),
};

const threads: Check = (name, value) => {
  if (value === "auto") return;
  if (typeof value !== "number") wrong(name, `\`${String(value)}\` is neither "auto" nor a number`);
  wholeFrom(1)(name, value);
};

const dims: Check = (name, value) => {
  if (!isObject(value)) wrong(name, "must be an object of sizes by name");
  for (const [dim, size] of Object.entries(value)) {
    const isSize = Number.isSafeInteger(size) && (size as number) >= 1;
    if (dim === "" || !isSize) wrong(`${name}.${dim}`, "needs a name and a size of at least 1");
  }
};

const texts: Check = (name, value) => {
  const isTexts = isObject(value) && Object.values(value).every((text) => typeof text === "string");
  if (!isTexts) wrong(name, "must be an object of texts by name");
};

/** Every option of a load: those that all languages have, and those of the web. */
const LOAD: Record<keyof typeof SESSION_OPTIONS | keyof typeof PRECISION_OPTIONS | keyof LoadOptions, Check> = {
  precision: oneOf(...PRECISIONS),
  samples: either("an array of objects", (value) => Array.isArray(value) && value.every(isObject)),
  accuracy: (name, value) => checkNames(name, value, ACCURACY, `${name}.`),
  timeLimitMs: milliseconds,
  seed: wholeFrom(0),
  threads,
  dims,
  optimizationLevel: oneOf(...OPTIMIZATION_LEVELS),
  providers: (name, value) => providerNames(name, value),
  config: texts,
  warmUpRuns: wholeFrom(0),
  externalData: either("an object of files by name", isObject),
  cache: either("true, false or a name", (value) => typeof value === "boolean" || typeof value === "string"),
  sha256: either("64 hexadecimal digits", (value) => typeof value === "string" && /^[0-9a-fA-F]{64}$/.test(value)),
  requestInit: either("an object", isObject),
  signal: either("an AbortSignal", (value) => isObject(value) && "aborted" in value),
  onProgress: typed("function", "a function"),
  startTimeoutMs: milliseconds,
  engine: either(
    "an engine's namespace, or a function that imports it",
    isObject,
    (value) => typeof value === "function",
  ),
  concurrencyLimit: (name, value) => value === null || wholeFrom(1)(name, value),
  concurrencyWaitMs: wholeFrom(0),
};

const RUN: Record<string, Check> = {
  outputs: either("an array of names", (value) => Array.isArray(value)),
  signal: LOAD.signal,
  deadlineMs: milliseconds,
  transfer: typed("boolean", "true or false"),
};

/** Whether options of a load make sense; tells the first that does not by name. */
export function checkLoadOptions(options: LoadOptions): void {
  checkNames("options", options, LOAD);
}

/** The same of a run's. */
export function checkRunOptions(options: object): void {
  checkNames("options", options, RUN);
}

/** Checks an object's fields, which have to be in a table. Those that are `undefined` are as if they were not there. */
export function checkNames(argument: string, options: unknown, table: Record<string, Check>, prefix = ""): void {
  if (!isObject(options)) throw invalidArgument(argument, "must be an object");
  for (const name of Object.keys(options)) {
    const check = Object.hasOwn(table, name) ? table[name] : undefined;
    if (check === undefined) throw invalidArgument(argument, unknownName(name, Object.keys(table)));
    if (options[name] !== undefined) check(prefix + name, options[name]);
  }
}

function providerNames(name: string, value: unknown): void {
  if (!Array.isArray(value)) wrong(name, "must be an array of names or objects with a name");
  for (const provider of value as unknown[]) {
    const given = typeof provider === "string" ? provider : isObject(provider) ? provider.name : undefined;
    if (typeof given !== "string") wrong(name, "must be an array of names or objects with a name");
  }
}

function unknownName(name: string, known: readonly string[]): string {
  const distances = known.map((other) => [distance(name.toLowerCase(), other.toLowerCase()), other] as const);
  const [nearest] = distances.sort(([a], [b]) => a - b);
  const hint =
    nearest === undefined
      ? ""
      : nearest[0] <= 3
        ? `; did you mean \`${nearest[1]}\`?`
        : `; there are ${known.join(", ")}`;
  return `\`${name}\` is no option${hint}`;
}

/** Letters to insert, remove or replace to get from one word to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let at = 1; at <= from.length; at++) {
    const next = [at];
    for (let other = 1; other <= to.length; other++) {
      const replace = (row[other - 1] as number) + (from[at - 1] === to[other - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[other] as number) + 1, (next[other - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
