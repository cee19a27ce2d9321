/** Learns how large activations get: runs parts of the model with the engine, and shows them to our Rust code. */

import { createSession } from "../load/create.js";
import type { EngineModel } from "../load/settings.js";
import type { EngineSession, EngineTensor } from "../engine/types.js";
import type { Calibrator, RustCalibration, ToolsModule } from "../wasm/interface.js";
import type { ChoiceContext } from "./choose.js";
import { crossing, runEngine, type Outputs } from "./outputs.js";

/** The most bytes of values that are held at once, beyond what a run takes by itself. */
const MAX_BYTES = 64 * 2 ** 20;

/** What is run, and who is asked in between. */
export interface Observation {
  readonly context: ChoiceContext;
  readonly external: EngineModel["externalData"];
  readonly samples: readonly number[];
  feeds(sample: number): Record<string, EngineTensor>;
  /** Called before every run: throws if it is to end. */
  step(done: number, total: number): Promise<void>;
  readonly maxBytes?: number | undefined;
}

/** Runs a model on samples and keeps what values its tensors take. */
export async function observe(
  tools: ToolsModule,
  model: Uint8Array,
  observation: Observation,
): Promise<RustCalibration> {
  const calibrator = new tools.Calibrator(model);
  let isOver = false;
  try {
    await group(calibrator, observation);
    const count = calibrator.part_count();
    for (let part = 0; part < count; part++) await observePart(calibrator, part, count, observation);
    isOver = true;
    return calibrator.finish();
  } finally {
    if (!isOver) calibrator.free();
  }
}

/** Bounds the bytes of the parts by the sizes that values have for the first sample. */
async function group(calibrator: Calibrator, observation: Observation): Promise<void> {
  const [first] = observation.samples;
  const model = first === undefined ? undefined : calibrator.shapes_model();
  if (first === undefined || model === undefined) return;
  await withSession(model, observation, async (session) => {
    await observation.step(0, 1);
    const shapes = await runEngine(observation.context.started.engine, session, observation.feeds(first));
    const names = calibrator.shapes_outputs();
    for (let at = 0; at + 1 < names.length; at += 2) {
      const shape = shapes[names[at + 1]!]?.data as BigInt64Array | undefined;
      if (shape !== undefined) calibrator.sized(names[at]!, Float64Array.from(shape, Number));
    }
  });
  calibrator.group(observation.maxBytes ?? MAX_BYTES);
}

async function observePart(
  calibrator: Calibrator,
  part: number,
  count: number,
  observation: Observation,
): Promise<void> {
  const { samples } = observation;
  const model = calibrator.part(part);
  const onSamples = async (session: EngineSession | undefined): Promise<void> => {
    for (const [done, sample] of samples.entries()) {
      await observation.step(part * samples.length + done, count * samples.length);
      const feeds = observation.feeds(sample);
      if (part === 0) show(calibrator, feeds);
      if (session !== undefined) show(calibrator, await runEngine(observation.context.started.engine, session, feeds));
      if (part + 1 === count) calibrator.end_sample();
    }
  };
  if (model.length === 0) await onSamples(undefined);
  else await withSession(model, observation, onSamples);
}

function show(calibrator: Calibrator, values: Outputs): void {
  for (const [name, tensor] of Object.entries(values)) {
    if (tensor.type === "float32") calibrator.observe(name, ...crossing(tensor));
  }
}

/** A session that computes what the graph says, without fusions. */
async function withSession(
  bytes: Uint8Array,
  { context, external }: Observation,
  work: (session: EngineSession) => Promise<void>,
): Promise<void> {
  const { started, settings } = context;
  const plain = { ...settings, optimizationLevel: "basic" };
  const session = await createSession(started.engine, { bytes, externalData: external }, plain);
  try {
    await work(session);
  } finally {
    await session.release().catch(() => undefined);
  }
}
