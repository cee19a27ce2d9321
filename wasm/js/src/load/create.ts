/** Makes sessions of the engine, and runs them on zeros. */

import { arrayLength, arrayType, isDType } from "../api/dtype.js";
import { type OrtletError, runtimeFailed, unsupported } from "../api/errors.js";
import { engineProviders } from "../engine/providers.js";
import { turnsOf } from "../engine/turns.js";
import type { Engine, EngineSession, EngineTensor } from "../engine/types.js";
import type { Description, Info } from "../wasm/interface.js";
import type { EngineModel, LoadSettings } from "./settings.js";

type CreateSettings = Pick<LoadSettings, "threads" | "dims" | "optimizationLevel" | "providers" | "config">;

/** Only errors are written to the console. */
const LOG_ERRORS = 3;

/** A session of the engine, with the options that the caller's are in its words. */
export async function createSession(
  engine: Engine,
  model: EngineModel,
  settings: CreateSettings,
): Promise<EngineSession> {
  const options: Record<string, unknown> = { logSeverityLevel: LOG_ERRORS };
  if (settings.providers !== undefined && settings.providers.length > 0) {
    options.executionProviders = engineProviders(settings.providers);
  }
  const level = settings.optimizationLevel;
  if (level !== undefined) options.graphOptimizationLevel = level === "none" ? "disabled" : level;
  // Engines with threads of the page or process take no notice.
  if (typeof settings.threads === "number") options.intraOpNumThreads = settings.threads;
  if (settings.dims !== undefined) options.freeDimensionOverrides = settings.dims;
  if (settings.config !== undefined) options.extra = { ...settings.config };
  if (model.externalData.length > 0) options.externalData = model.externalData;
  try {
    const create = () => engine.InferenceSession.create(model.bytes, options as Record<string, never>);
    return await turnsOf(engine).during(create);
  } catch (cause) {
    throw creationError(cause);
  }
}

/** What an engine says of operators and types that it does not have. */
const NOT_THERE = /Could not find an implementation|unsupported data type/;

function creationError(cause: unknown): OrtletError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return NOT_THERE.test(reason) ? unsupported("model", reason) : runtimeFailed("create the session", cause);
}

/** Runs a session on zeros, so that what is slow at first is over. */
export async function warmUp(
  engine: Engine,
  session: EngineSession,
  description: Description,
  settings: LoadSettings,
): Promise<void> {
  const feeds: Record<string, EngineTensor> = {};
  for (const info of description.inputs) {
    if (info.kind !== "optional") feeds[info.name!] = zeros(engine, info, settings.dims ?? {});
  }
  for (let run = 0; run < (settings.warmUpRuns ?? 0); run++) {
    try {
      const run = () => session.run(feeds as Record<string, never>, session.outputNames);
      release(await turnsOf(engine).during(run));
    } catch (cause) {
      throw runtimeFailed("run the model on zeros", cause);
    }
  }
}

/** Gives back memory that an engine keeps outside of JavaScript's. */
export function release(outputs: Readonly<Record<string, unknown>>): void {
  for (const output of Object.values(outputs)) {
    const tensor = output as EngineTensor;
    if (tensor.location !== undefined && tensor.location !== "cpu") tensor.dispose?.();
  }
}

/** Zeros of a declared type; sizes that are open are 1. */
function zeros(engine: Engine, info: Info, dims: Readonly<Record<string, number>>): EngineTensor {
  const sizes = (info.shape ?? []).map((size) => (typeof size === "number" ? size : (dims[size ?? ""] ?? 1)));
  const count = sizes.reduce((product, size) => product * size, 1);
  const dtype = info.kind === "tensor" ? (info.dtype ?? "") : "";
  if (!isDType(dtype)) throw unsupported("warm-up", `input \`${info.name}\` is no tensor that the engine takes`);
  const data =
    dtype === "string" ? new Array<string>(count).fill("") : new (arrayType(dtype))(arrayLength(dtype, count));
  return new engine.Tensor(dtype as never, data as never, sizes);
}
