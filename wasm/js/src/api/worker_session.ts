/** Sessions in a worker: the page goes on while a model loads and computes, and a run can be stopped. */

import { SessionCore } from "../engine/session_core.js";
import type { Source } from "../load/source.js";
import { session as sessionModule } from "../wasm/modules.js";
import { loadRemotely, remoteEngine } from "../worker/client.js";
import { packLoad } from "../worker/pack.js";
import { CoreSession } from "./core_session.js";
import { invalidArgument, unsupported } from "./errors.js";
import { checkLoadOptions, type LoadOptions } from "./options.js";

/** How a model is loaded in a worker. The engine is the one that the package ships. */
export interface WorkerLoadOptions extends Omit<LoadOptions, "engine"> {
  /** Bytes of the model and its external data are moved to the worker; the caller's arrays are empty afterwards. */
  readonly transfer?: boolean | undefined;
}

const OWN = Symbol("made by createWorkerSession");
const START_TIMEOUT_MS = 30_000;

/**
 * A model that is ready to run in a worker of its own. All of it happens there: the download, quantizing, storing, and
 * computing; the page only hands over inputs and gets outputs.
 *
 * Inputs are copied into the worker, or moved with the option `transfer`; outputs are moved back. What ends a run that
 * computes, its signal or its deadline, ends the worker; the run fails at once, and a new worker begins with the model,
 * for which runs that wait have to wait too. Each run that fails because its worker broke down leaves a new one to the
 * next run.
 *
 * To begin again without a download, the model is kept beside the worker, as it was given to the engine: in a `Blob`,
 * which browsers may put on disk. That takes the model's size once, besides what the engine takes.
 */
export class WorkerSession extends CoreSession {
  /** @internal */
  constructor(core: SessionCore, own: symbol) {
    if (own !== OWN) throw invalidArgument("session", "is made by `createWorkerSession`");
    super(core);
  }
}

/**
 * Loads a model in a worker of its own; see {@link WorkerSession}. Sources and options are those of `Session.load`, and
 * so are the errors; a worker that cannot be started is `runtime_failed` within `startTimeoutMs`.
 *
 * ```ts
 * const session = await createWorkerSession("/models/classifier.onnx", { precision: "int8" });
 * const { scores } = await session.run({ image: pixels }, { deadlineMs: 200 });
 * ```
 */
export async function createWorkerSession(source: Source, options: WorkerLoadOptions = {}): Promise<WorkerSession> {
  const { transfer, ...loadOptions } = options;
  checkLoadOptions(loadOptions);
  if ("engine" in options && options.engine !== undefined) {
    throw unsupported(
      "engine",
      "the code of an engine cannot be handed to a worker: use `Session.load` in one of yours",
    );
  }
  const module = sessionModule();
  // Whoever fails first is told; the other's failure is the same or follows.
  module.catch(() => undefined);
  const { request, moved, functions } = await packLoad(source, loadOptions, transfer === true);
  const start = { functions, startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS };
  const { session, answer } = await loadRemotely(request, moved, start, options.signal);
  const loaded = { session, engine: remoteEngine(), description: answer.description, report: answer.report };
  try {
    return new WorkerSession(new SessionCore(loaded, options, await module), OWN);
  } catch (error) {
    await session.release();
    throw error;
  }
}
