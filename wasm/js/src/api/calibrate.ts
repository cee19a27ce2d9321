/** Learns from samples what values the tensors of a model take. */

import { environment } from "../engine/environment.js";
import { progress } from "../load/progress.js";
import type { LoadSettings } from "../load/settings.js";
import type { Source } from "../load/source.js";
import { breathe } from "../load/progress.js";
import { observe } from "../precision/observe.js";
import type { RustCalibration, ToolsModule } from "../wasm/interface.js";
import { withTools } from "../wasm/modules.js";
import { invalidArgument, throwIfAborted } from "./errors.js";
import type { Inputs } from "./inputs.js";
import { checkIsWhole, Model } from "./model.js";
import { checkLoadOptions, type LoadOptions } from "./options.js";
import { checkOptions } from "./tool_options.js";

/** How a calibration is made: how the model is run, and how much memory values may take. */
export interface CalibrateOptions
  extends Pick<LoadOptions, "engine" | "startTimeoutMs" | "threads" | "providers" | "dims" | "config">,
    Pick<LoadSettings, "signal" | "onProgress"> {
  /** The most bytes of values that are held at once. Less memory takes more runs. Default: 64 MiB. */
  readonly maxBytes?: number | undefined;
}

const OPTIONS: Record<keyof CalibrateOptions, true> = {
  engine: true,
  startTimeoutMs: true,
  threads: true,
  providers: true,
  dims: true,
  config: true,
  signal: true,
  onProgress: true,
  maxBytes: true,
};
const OWN = Symbol("made by calibrate");

/** What values the tensors of a model take; made by {@link calibrate}. */
export class Calibration {
  readonly #bytes: Uint8Array;
  /** Samples that were seen. */
  readonly sampleCount: number;

  /** @internal */
  constructor(bytes: Uint8Array, sampleCount: number, own: symbol) {
    if (own !== OWN) throw invalidArgument("calibration", "is made by `calibrate`");
    this.#bytes = bytes;
    this.sampleCount = sampleCount;
  }

  /** @internal */
  static bytesOf(calibration: Calibration): Uint8Array {
    return calibration.#bytes;
  }
}

/** A calibration, as our Rust code takes it. */
export function rustCalibration(tools: ToolsModule, calibration: Calibration): RustCalibration {
  if (!(calibration instanceof Calibration)) throw invalidArgument("calibration", "must be made by `calibrate`");
  return tools.Calibration.from_bytes(Calibration.bytesOf(calibration));
}

/**
 * Runs a model on samples of real inputs and keeps what values its tensors take, for `quantize`.
 *
 * ```ts
 * const calibration = await calibrate(model, images.map((image) => ({ image })));
 * const { model: small } = await quantize(model, { mode: "int8-static", calibration });
 * ```
 */
export async function calibrate(
  source: Source,
  samples: Iterable<Inputs>,
  options: CalibrateOptions = {},
): Promise<Calibration> {
  checkOptions(options, OPTIONS);
  const { maxBytes, ...settings } = options;
  checkLoadOptions(settings);
  if (maxBytes !== undefined && !(maxBytes >= 1)) throw invalidArgument("maxBytes", "must be at least 1");
  const { signal, onProgress } = settings;
  const all = [...samples];
  const model = await Model.open(source, { signal });
  checkIsWhole(model);
  const own = environment(settings);
  const started = await own.start(signal);
  return withTools(async (tools) => {
    const ranges = await observe(tools, model.bytes, {
      context: { settings, environment: own, started },
      external: [],
      samples: [...all.keys()],
      maxBytes,
      feeds: (sample) => own.feeds(started.engine, model.inputs, all[sample]!),
      async step(done, total) {
        onProgress?.(progress("calibrate", done, total));
        await breathe();
        throwIfAborted(signal);
      },
    });
    onProgress?.(progress("calibrate", 1, 1));
    return new Calibration(ranges.to_bytes(), ranges.sample_count(), OWN);
  });
}
