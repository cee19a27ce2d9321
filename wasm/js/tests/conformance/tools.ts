/** Operations on models: reports, quantizing, choosing a precision. */

import { Model, Session, calibrate, choosePrecision, quantize } from "ortlet";
import type { Case } from "./cases.js";
import { asJson } from "./facts.js";
import type { Outcome } from "./outcomes.js";
import type { Places } from "./places.js";
import { runInputs, sessionOptions } from "./sessions.js";
import { named } from "./values.js";

/** What was made of a model, and a run of it. */
async function ofMade(model: Model, report: unknown, one: Case, options: Record<string, unknown>): Promise<Outcome> {
  const session = await Session.load(model, options);
  try {
    const outputs = await runInputs(session, one);
    return { outputs, json: asJson(report), model: asJson(await model.report()) };
  } finally {
    await session.dispose();
  }
}

async function modelReport(one: Case, places: Places): Promise<Outcome> {
  const source = one.operation === "model_report" ? places.model(one) : await places.bytes(one);
  const model = await Model.open(source);
  return { json: asJson(await model.report()) };
}

async function quantized(one: Case, places: Places): Promise<Outcome> {
  const [path, options] = [places.model(one), places.options(one)];
  const samples = one.samples?.map(named);
  const calibration = samples === undefined ? undefined : await calibrate(path, samples, options);
  const toolOptions = places.options(one, "tool_options");
  const made = await quantize(path, { mode: one.mode as never, ...toolOptions, calibration });
  return ofMade(made.model, made.report, one, options);
}

async function precision(one: Case, places: Places): Promise<Outcome> {
  const options = { ...places.options(one, "tool_options"), ...sessionOptions(one, places) };
  const made = await choosePrecision(places.model(one), options as never);
  return ofMade(made.model, made.report, one, {});
}

export const OPERATIONS = {
  model_report: modelReport,
  model_report_bytes: modelReport,
  quantize: quantized,
  precision,
};
