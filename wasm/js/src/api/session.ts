/** Sessions: models that are ready to run in this thread. */

import { environment } from "../engine/environment.js";
import { SessionCore } from "../engine/session_core.js";
import { loadSession } from "../load/load.js";
import type { Source } from "../load/source.js";
import { session as sessionModule } from "../wasm/modules.js";
import { CoreSession } from "./core_session.js";
import { invalidArgument } from "./errors.js";
import { checkLoadOptions, type LoadOptions } from "./options.js";

const OWN = Symbol("made by load");

/**
 * A model that is ready to run. It computes in the thread that made it, which can do nothing else meanwhile; for pages
 * that must stay responsive there is `createWorkerSession`.
 *
 * ```ts
 * const session = await Session.load("/models/classifier.onnx");
 * const { scores } = await session.run({ image: pixels });
 * ```
 */
export class Session extends CoreSession {
  /** @internal */
  constructor(core: SessionCore, own: symbol) {
    if (own !== OWN) throw invalidArgument("session", "is made by `Session.load`");
    super(core);
  }

  /**
   * Loads a model: from a URL, a `Request` or `Response`, from bytes, a `Blob` or a `Model`, and in Node from a path.
   *
   * Fails with an `OrtletError`, for example `not_found`, `io`, `invalid_model`, `integrity`, `invalid_argument`,
   * `unsupported`, `runtime_failed`, `accuracy_budget`, `cancelled`.
   */
  static async load(source: Source, options: LoadOptions = {}): Promise<Session> {
    checkLoadOptions(options);
    const module = sessionModule();
    // Whoever fails first is told; the other's failure is the same or follows.
    module.catch(() => undefined);
    const loaded = await loadSession(source, options, environment(options));
    return ofCore(new SessionCore(loaded, options, await module));
  }
}

// Outside, because bundlers rename a class that names itself.
function ofCore(core: SessionCore): Session {
  return new Session(core, OWN);
}
