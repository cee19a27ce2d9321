/** Models: to be looked at, quantized, saved, run. */

import type { ModelReport } from "../generated/reports.js";
import { describe } from "../load/load.js";
import { checkedDigest, compareDigests, sha256 } from "../load/digest.js";
import { tellOfBytes, type OnProgress } from "../load/progress.js";
import { nameOf, readSource, type Source } from "../load/source.js";
import type { Description } from "../wasm/interface.js";
import { withTools } from "../wasm/modules.js";
import { invalidArgument, unsupported } from "./errors.js";
import { checkOptions } from "./tool_options.js";
import { declared, type ValueInfo } from "./value_info.js";

/** How a model is read. */
export interface OpenOptions {
  /** SHA-256 of the file, in hex: anything else is an `integrity` error. */
  readonly sha256?: string | undefined;
  readonly requestInit?: RequestInit | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

const OPEN_OPTIONS: Record<keyof OpenOptions, true> = {
  sha256: true,
  requestInit: true,
  signal: true,
  onProgress: true,
};
const OWN = Symbol("made by open");

/**
 * An ONNX model in memory.
 *
 * ```ts
 * const model = await Model.open("/models/classifier.onnx");
 * console.log(model.inputs, (await model.report()).parameter_bytes);
 * ```
 */
export class Model {
  /** The file's bytes. They must not change as long as the model is used. */
  readonly bytes: Uint8Array;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Initializers that a run may replace. */
  readonly overridableInitializers: readonly ValueInfo[];
  /** Names of the files that hold its external data; `externalData` has to have them when it is loaded. */
  readonly externalFiles: readonly string[];

  /** @internal */
  constructor(bytes: Uint8Array, description: Description, own: symbol) {
    if (own !== OWN) throw invalidArgument("model", "is made by `Model.open`");
    this.bytes = bytes;
    this.inputs = declared(description.inputs);
    this.outputs = declared(description.outputs);
    this.overridableInitializers = declared(description.overridable_initializers);
    this.externalFiles = Object.freeze([...description.external_files]);
  }

  /** Reads a model from wherever `Session.load` could, and checks it. */
  static async open(source: Source, options: OpenOptions = {}): Promise<Model> {
    checkOptions(options, OPEN_OPTIONS);
    if (isModel(source) && options.sha256 === undefined) return source;
    const { requestInit, signal, onProgress } = options;
    const onBytes = tellOfBytes(onProgress);
    const { bytes } = await readSource(source, { requestInit, signal, onBytes });
    if (options.sha256 !== undefined) {
      compareDigests(`\`${nameOf(source)}\``, checkedDigest(options.sha256), await sha256(bytes));
    }
    return modelOf(bytes);
  }

  /** What is inside: inputs, outputs, operators, sizes, quantization. */
  report(): Promise<ModelReport> {
    return withTools((tools) => JSON.parse(tools.model_report(this.bytes)) as ModelReport);
  }
}

// Outside, because bundlers rename a class that names itself.
function isModel(source: Source): source is Model {
  return source instanceof Model;
}

/** A model of bytes. */
export async function modelOf(bytes: Uint8Array): Promise<Model> {
  return new Model(bytes, await describe(bytes), OWN);
}

/** Throws if weights are in other files, which tools of ours do not read on the web. */
export function checkIsWhole(model: Model): void {
  if (model.externalFiles.length === 0) return;
  const reason =
    "its weights are in other files, which cannot be changed on the web; store them in the model's own file";
  throw unsupported("change of this model", reason);
}
