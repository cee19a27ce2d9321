/** Scenarios that only a worker can do: what is computed is stopped, and the page goes on meanwhile. */

import { createWorkerSession } from "/package/dist/index.js";
import { bytesOf, failure, numbers, ticks, X } from "./common.js";

const LONG = { count: 1_000_000_000_000n, x: new Float32Array(2) };
const SHORT = { count: 3n, x: new Float32Array(2) };

/** Ends a run that would take years, by a signal or by its deadline; another one waits behind it. */
export async function endless({ by, source, options }) {
  const model = source === "bytes" ? await bytesOf("/models/repeat.onnx") : "/models/repeat.onnx";
  const session = await createWorkerSession(model, options);
  const controller = new AbortController();
  const limits = by === "signal" ? { signal: controller.signal } : { deadlineMs: 100 };
  const long = failure(() => session.run(LONG, limits));
  const waiting = session.run(SHORT);
  const skipped = failure(() => session.run(SHORT, { deadlineMs: 1 }));
  // The page's own timers go on while the worker computes.
  await ticks(50);
  controller.abort(new Error("enough"));
  const results = { long: await long, skipped: await skipped, waited: numbers((await waiting).y) };
  results.next = numbers((await session.run(SHORT)).y);
  results.metrics = session.metrics();
  results.report = session.report();
  await session.dispose();
  return results;
}

/** Closing waits for what was asked for, and refuses what comes later. */
export async function disposedMeanwhile() {
  const session = await createWorkerSession("/models/repeat.onnx");
  const runs = [session.run(SHORT), failure(() => session.run(LONG, { deadlineMs: 100 })), session.run(SHORT)];
  const disposed = session.dispose();
  const late = await failure(() => session.run(SHORT));
  await disposed;
  const [first, long, last] = await Promise.all(runs);
  return { first: numbers(first.y), long, last: numbers(last.y), late };
}

/** The worker breaks down: its run fails, and the next one has a new worker. */
export async function crash() {
  const workers = [];
  const Original = globalThis.Worker;
  globalThis.Worker = class extends Original {
    constructor(url, options) {
      super(url, options);
      workers.push(this);
    }
  };
  const session = await createWorkerSession("/models/repeat.onnx");
  const long = failure(() => session.run(LONG));
  await ticks(20);
  // What a browser does when a worker is out of memory.
  workers[0].dispatchEvent(new ErrorEvent("error", { message: "out of memory" }));
  const error = await long;
  const y = numbers((await session.run(SHORT)).y);
  globalThis.Worker = Original;
  const metrics = session.metrics();
  await session.dispose();
  return { error, y, workers: workers.length, metrics };
}

/** Inputs and models that are moved instead of copied. */
export async function transfer() {
  const model = (await bytesOf("/models/linear.onnx")).slice();
  const session = await createWorkerSession(model, { transfer: true });
  const kept = { ...X, data: X.data.slice() };
  const moved = { ...X, data: X.data.slice() };
  const first = numbers((await session.run({ x: kept })).y);
  const second = numbers((await session.run({ x: moved }, { transfer: true })).y);
  await session.dispose();
  return { first, second, model: model.byteLength, kept: kept.data.byteLength, moved: moved.data.byteLength };
}

/** Arrays that were moved before cannot be given once more. */
export async function movedTwice() {
  const session = await createWorkerSession("/models/linear.onnx");
  const x = { ...X, data: X.data.slice() };
  await session.run({ x }, { transfer: true });
  const error = await failure(() => session.run({ x }));
  const y = numbers((await session.run({ x: X })).y);
  await session.dispose();
  return { error, y };
}

/** Several sessions at once, a worker each. */
export async function many({ count }) {
  const sessions = await Promise.all(Array.from({ length: count }, () => createWorkerSession("/models/linear.onnx")));
  const outputs = await Promise.all(sessions.map((session) => session.run({ x: X })));
  await Promise.all(sessions.map((session) => session.dispose()));
  return outputs.map(({ y }) => numbers(y));
}

/** What the page does meanwhile: how often its timers came while a worker loaded a model and quantized it. */
export async function loadingMeanwhile({ url }) {
  let isOver = false;
  const loading = createWorkerSession(url, { precision: "int8-dynamic", cache: false }).finally(() => (isOver = true));
  let count = 0;
  while (!isOver) {
    await ticks(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    count += 1;
  }
  const session = await loading;
  const { precision } = session.report();
  await session.dispose();
  return { count, precision };
}

/** A measure on the page that judges what the worker has made of a model. */
export async function measured({ url, ids }) {
  const labels = [];
  const best = ({ target_label: { data } }) => data.indexOf(Math.max(...data));
  const measure = (reference, candidate) => {
    labels.push(best(reference));
    return best(reference) === best(candidate) ? 1 : 0;
  };
  const samples = ids.map((one) => ({ bytes: { shape: [1, one.length], data: new Int32Array(one) } }));
  const accuracy = { minCosine: null, meanCosine: null, measure, measureAtLeast: 1 };
  const session = await createWorkerSession(url, { precision: "int8-dynamic", samples, accuracy });
  const { precision } = session.report();
  await session.dispose();
  return { labels, precision };
}

/** Given up in a phase of a load. */
export async function abortedIn({ phase, url, options }) {
  const controller = new AbortController();
  const seen = new Set();
  const onProgress = (event) => {
    seen.add(event.phase);
    if (event.phase === phase) controller.abort(new Error(`enough in ${phase}`));
  };
  const error = await failure(() => createWorkerSession(url, { ...options, onProgress, signal: controller.signal }));
  return { error, phases: [...seen] };
}

/** Closed while a new worker begins. */
export async function disposedWhileStarting() {
  const session = await createWorkerSession("/models/repeat.onnx");
  const long = await failure(() => session.run(LONG, { deadlineMs: 50 }));
  await session.dispose();
  return long;
}

/** A binding's memory stays, whatever a run is told. */
export async function boundMeanwhile() {
  const session = await createWorkerSession("/models/counter.onnx");
  const bound = await session.bind({ ties: { next: "state" } });
  bound.inputs.x.data.set([1n, 10n]);
  await bound.run({ transfer: true });
  const outputs = await bound.run({ transfer: true });
  const result = numbers(outputs.double);
  await session.dispose();
  return result;
}
