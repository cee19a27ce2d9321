/** Where the files of this package are. Each is named in a way that bundlers see, so that they ship it. */

import { platform } from "./platform/platform.js";

export interface Assets {
  sessionModule: URL;
  toolsModule: URL;
  /** The engine's entry, which is another in Node. */
  engine: URL;
  engineModule: URL;
  engineWasm: URL;
}

let own: Assets | undefined;

/** The files' places: those that were set, else beside this file. */
export function assets(): Assets {
  own ??= {
    sessionModule: new URL("./wasm/ortlet_session.wasm", import.meta.url),
    toolsModule: new URL("./wasm/ortlet_tools.wasm", import.meta.url),
    engine: platform().engineEntry(),
    engineModule: new URL("./onnxruntime/ort-wasm-simd-threaded.mjs", import.meta.url),
    engineWasm: new URL("./onnxruntime/ort-wasm-simd-threaded.wasm", import.meta.url),
  };
  return own;
}

/** Told to a worker, whose file a bundler may have put elsewhere. */
export function setAssets(places: Assets): void {
  own = places;
}
