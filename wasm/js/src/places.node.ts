/** Where the files are that only Node needs; beside the entries, because the package's scripts are. */

/** The engine's entry: a build that can have threads in Node. */
export function engineEntry(): URL {
  return new URL("./onnxruntime/ort.node.min.mjs", import.meta.url);
}

/** What workers run. */
export function workerEntry(): URL {
  return new URL("./worker.node.js", import.meta.url);
}
