/** Outputs of runs of the engine, held in JavaScript's memory, and as our Rust code takes them. */

import { runtimeFailed } from "../api/errors.js";
import { turnsOf } from "../engine/turns.js";
import type { Engine, EngineSession, EngineTensor } from "../engine/types.js";

/** Outputs by name. */
export type Outputs = Readonly<Record<string, EngineTensor>>;

/** Runs a session when it is its turn to use the engine. */
export async function runEngine(
  engine: Engine,
  session: EngineSession,
  feeds: Record<string, EngineTensor>,
): Promise<Outputs> {
  try {
    const run = () => session.run(feeds as Record<string, never>, session.outputNames);
    const outputs = (await turnsOf(engine).during(run)) as Record<string, EngineTensor>;
    return await onPage(outputs);
  } catch (cause) {
    throw runtimeFailed("run the model", cause);
  }
}

/** Fetches what an engine keeps elsewhere, as WebGPU does. */
async function onPage(outputs: Record<string, EngineTensor>): Promise<Outputs> {
  const here: Record<string, EngineTensor> = {};
  for (const [name, tensor] of Object.entries(outputs)) {
    const isElsewhere = tensor.location !== undefined && tensor.location !== "cpu" && tensor.getData !== undefined;
    here[name] = isElsewhere ? { type: tensor.type, dims: tensor.dims, data: await tensor.getData!(true) } : tensor;
  }
  return here;
}

/** Type, shape and memory of a tensor. */
export function crossing(tensor: EngineTensor): [string, Float64Array, Uint8Array] {
  return [tensor.type, Float64Array.from(tensor.dims), memoryOf(tensor.data)];
}

/** Memory of a tensor's data; texts are JSON. */
function memoryOf(data: unknown): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new TextEncoder().encode(JSON.stringify(data));
}

/** Bytes of outputs, near enough. */
export function sizeOf(outputs: Outputs): number {
  let bytes = 0;
  for (const { data } of Object.values(outputs)) bytes += ArrayBuffer.isView(data) ? data.byteLength : 0;
  return bytes;
}
