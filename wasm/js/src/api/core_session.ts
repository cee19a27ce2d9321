/** What sessions of this package do, wherever the model computes. */

import type { SessionCore } from "../engine/session_core.js";
import { CoreBinding, type BindOptions, type Binding } from "./binding.js";
import type { Inputs } from "./inputs.js";
import { coreOf, openmetrics, setCore } from "./metrics.js";
import { checkRunOptions } from "./options.js";
import {
  asyncDispose,
  type MetricsReport,
  type RunOptions,
  type SessionLike,
  type SessionReport,
} from "./session_like.js";
import type { Tensor } from "./tensor.js";
import type { ValueInfo } from "./value_info.js";

/** The methods that all sessions share. */
export abstract class CoreSession implements SessionLike {
  readonly #core: SessionCore;

  /** @internal */
  protected constructor(core: SessionCore) {
    this.#core = core;
    setCore(this, core);
  }

  get inputs(): readonly ValueInfo[] {
    return this.#core.inputs;
  }

  get outputs(): readonly ValueInfo[] {
    return this.#core.outputs;
  }

  get overridableInitializers(): readonly ValueInfo[] {
    return this.#core.overridableInitializers;
  }

  run(inputs: Inputs, options?: RunOptions): Promise<Record<string, Tensor>> {
    if (options === undefined) return this.#core.run(inputs);
    try {
      checkRunOptions(options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#core.run(inputs, options);
  }

  async bind(options: BindOptions = {}): Promise<Binding> {
    this.#core.checkOpen();
    return new CoreBinding(this.#core, options);
  }

  report(): SessionReport {
    return this.#core.report();
  }

  metrics(): MetricsReport {
    return this.#core.metrics();
  }

  metricsText(name = "model"): string {
    return openmetrics({ [name]: coreOf(this) });
  }

  dispose(): Promise<void> {
    return this.#core.dispose();
  }

  get isDisposed(): boolean {
    return this.#core.isDisposed;
  }

  /** For `await using`. */
  [asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
