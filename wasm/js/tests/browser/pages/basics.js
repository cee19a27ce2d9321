/** Scenarios: loading, running and closing. */

import { bytesOf, control, failure, load, numbers, X } from "./common.js";

/** A small model from beginning to end. */
export async function linear({ where, options, url = "/models/linear.onnx" }) {
  const session = await load(where, url, options);
  const { y } = await session.run({ x: X });
  const report = session.report();
  const infos = { inputs: session.inputs, outputs: session.outputs };
  const metrics = session.metrics();
  const text = session.metricsText("lines");
  await session.dispose();
  await session.dispose();
  const after = await failure(() => session.run({ x: X }));
  const { isDisposed } = session;
  return { y: numbers(y), shape: [...y.shape], dtype: y.dtype, infos, report, metrics, text, after, isDisposed };
}

/** What kind of content Magika takes some bytes for. */
export async function magika({ where, url, options, ids }) {
  const session = await load(where, url, options);
  const outputs = await session.run({ bytes: { dtype: "int32", shape: [1, ids.length], data: new Int32Array(ids) } });
  const scores = numbers(outputs.target_label);
  const report = session.report();
  await session.dispose();
  return { scores, best: scores.indexOf(Math.max(...scores)), report };
}

/** The same model twice on one page; in between, the test does something. */
export async function again({ where, options, url, between }) {
  const first = await linear({ where, options, url });
  await control(between);
  const second = await linear({ where, options, url });
  return { first, second };
}

/** Everything that a load tells. */
export async function progress({ where, url, options }) {
  const events = [];
  const session = await load(where, url, { ...options, onProgress: (event) => events.push(event) });
  await session.dispose();
  return events;
}

/** Wrong inputs are errors of their kind, and the session goes on. */
export async function wrongInputs({ where }) {
  const session = await load(where, "/models/linear.onnx");
  const wrong = [{}, { z: X }, { x: X, z: X }, { x: new Float64Array(3) }, { x: { ...X, shape: [3, 2] } }];
  const errors = [];
  for (const inputs of wrong) errors.push(await failure(() => session.run(inputs)));
  errors.push(await failure(() => session.run({ x: X }, { outputs: ["nothing"] })));
  const { y } = await session.run({ x: X });
  await session.dispose();
  return { errors, y: numbers(y) };
}

/** Sources other than a URL as text. */
export async function sources({ where }) {
  const bytes = await bytesOf("/models/linear.onnx");
  const file = new File([bytes], "linear.onnx");
  const padded = new Uint8Array(bytes.length + 64);
  padded.set(bytes, 32);
  const all = {
    url: new URL("/models/linear.onnx", location.href),
    relative: "../models/linear.onnx",
    request: new Request("/models/linear.onnx", { headers: { "x-test": "1" } }),
    response: await fetch("/models/linear.onnx"),
    buffer: bytes.slice().buffer,
    view: padded.subarray(32, 32 + bytes.length),
    file,
  };
  const results = {};
  for (const [name, source] of Object.entries(all)) {
    const session = await load(where, source, { cache: false });
    results[name] = numbers((await session.run({ x: X })).y);
    await session.dispose();
  }
  return { results, kept: all.view.length === bytes.length && all.buffer.byteLength === bytes.length };
}

/** What is no model, or half of one. */
export async function hostile({ where }) {
  const whole = await bytesOf("/models/linear.onnx");
  const cuts = [0, 1, 7, Math.floor(whole.length / 2), whole.length - 1].map((length) => whole.slice(0, length));
  const noise = Uint8Array.from({ length: 4096 }, (_, index) => (index * 2654435761) >>> 24);
  const errors = [];
  for (const bytes of [...cuts, noise]) errors.push(await failure(() => load(where, bytes)));
  for (const url of ["/pages/index.html", "/models/not-there.onnx", "/models/unknown_operator.onnx"]) {
    errors.push(await failure(() => load(where, url)));
  }
  return errors;
}

/** Given up while the model arrives. */
export async function abortDownload({ where, url }) {
  const controller = new AbortController();
  const onProgress = ({ phase, done }) => {
    if (phase === "download" && done > 0) controller.abort(new Error("changed my mind"));
  };
  const error = await failure(() => load(where, url, { onProgress, signal: controller.signal, cache: true }));
  await control("given-up");
  return error;
}

/** Given up before it began. */
export async function abortedBefore({ where }) {
  return failure(() => load(where, "/models/linear.onnx", { signal: AbortSignal.abort("never") }));
}

/** A load that fails. */
export async function failing({ where, url = "/models/linear.onnx", options }) {
  return failure(() => load(where, url, options));
}

/** A binding that carries a state from run to run. */
export async function binding({ where }) {
  const session = await load(where, "/models/counter.onnx");
  const bound = await session.bind({ ties: { next: "state" } });
  bound.inputs.x.data.set([1n, 10n]);
  const doubles = [];
  const same = [];
  for (let run = 0; run < 3; run += 1) {
    const outputs = await bound.run();
    doubles.push(numbers(outputs.double));
    same.push(outputs.double.data === bound.outputs.double.data);
  }
  await session.dispose();
  return { doubles, same, after: await failure(() => bound.run()) };
}
