/**
 * Where the files are that only browsers need. Beside the entries, because the package's scripts are: places are looked up
 * from there. A file of its own, so that bundlers only ship what a page needs.
 */

/** The engine's entry. */
export function engineEntry(): URL {
  return new URL("./onnxruntime/ort.wasm.min.mjs", import.meta.url);
}

/** What workers run. By itself, not within `new Worker`: bundlers then ship the file as it is. */
export function workerEntry(): URL {
  return new URL("./worker.js", import.meta.url);
}
