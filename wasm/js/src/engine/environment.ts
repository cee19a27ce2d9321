/** What loading needs of the engine and of tensors, for the options of one load. */

import type { DataTypes, DType } from "../api/dtype.js";
import { Declared, type Inputs } from "../api/inputs.js";
import type { LoadOptions } from "../api/options.js";
import { invalidArgument } from "../api/errors.js";
import { CHECKED, Tensor } from "../api/tensor.js";
import type { Environment } from "../load/settings.js";
import { checkBundledProviders } from "./providers.js";
import { start } from "./start.js";
import type { EngineTensor } from "./types.js";

let shipsEngine = false;

/** Said by entries that ship an engine; those of `ortlet/core` do not. */
export function shipEngine(): void {
  shipsEngine = true;
}

function tensorOf({ type, data, dims }: EngineTensor): Tensor {
  return new Tensor(type as DType, data as DataTypes[DType], dims, CHECKED);
}

export function environment(options: LoadOptions, keepModel = false): Environment {
  if (options.engine === undefined) {
    if (!shipsEngine) throw invalidArgument("engine", "has to be given: `ortlet/core` ships none");
    checkBundledProviders(options.providers ?? []);
  }
  return {
    keepModel,
    start: (signal) => start(options, signal),
    feeds: (engine, inputs, sample) => new Declared(inputs).feeds(engine, sample as Inputs),
    shown: (outputs) => Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, tensorOf(output)])),
  };
}
