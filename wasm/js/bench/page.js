// @ts-check
// What is measured in the page: calls by turns, or the time until the first output.

const PACKAGE = new URL("/package/dist/index.js", location.href).href;
const ENGINE = new URL("/package/dist/onnxruntime/", location.href).href;

/** @typedef {import("./measure.mjs").Model} Model */
/** @typedef {Record<string, { dtype: string, shape: number[], data: any }>} Feeds */

/** The inputs: element `i` is `(start + (37 i + 11) % modulus) / divisor`. @param {Model} model @returns {Feeds} */
function feeds(model) {
  return Object.fromEntries(
    model.inputs.map(({ name, dtype, dims, start, modulus, divisor }) => {
      const steps = Array.from(
        { length: dims.reduce((size, dim) => size * dim, 1) },
        (_, at) => start + ((37 * at + 11) % modulus),
      );
      const data =
        dtype === "int64"
          ? BigInt64Array.from(steps, (step) => BigInt(Math.trunc(step / divisor)))
          : dtype === "int32"
            ? Int32Array.from(steps, (step) => Math.trunc(step / divisor))
            : Float32Array.from(steps, (step) => step / divisor);
      return [name, { dtype, shape: dims, data }];
    }),
  );
}

/** A call of the engine as a page makes it: tensors of arrays, and the outputs' arrays. @param {any} ort @param {any} session @param {Feeds} inputs */
async function callEngine(ort, session, inputs) {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape, data }]) => [name, new ort.Tensor(dtype, data, shape)]),
  );
  const outputs = await session.run(tensors);
  return Object.values(outputs).map((output) => output.data);
}

/** A call of Ortlet's. @param {any} session @param {Feeds} inputs */
async function callOrtlet(session, inputs) {
  const outputs = await session.run(inputs);
  return Object.values(outputs).map((output) => /** @type {any} */ (output).data);
}

/**
 * Nanoseconds of a call, by the way of calling, in every round; another way is first every time.
 * @param {{ model: Model, rounds: number, calls: number, warmUp: number, precision?: string }} work
 */
async function calls({ model, rounds, calls, warmUp, precision }) {
  const { Session, createWorkerSession } = await import(PACKAGE);
  const options = { threads: 1, cache: false };
  const session = await Session.load(model.file, options);
  // The same instance of the engine that Ortlet has started.
  const ort = await import(`${ENGINE}ort.wasm.min.mjs`);
  const bytes = new Uint8Array(await (await fetch(model.file)).arrayBuffer());
  const direct = await ort.InferenceSession.create(bytes);
  const worker = await createWorkerSession(model.file, options);
  const inputs = feeds(model);
  /** @type {[string, () => Promise<unknown>][]} */
  const ways = [
    ["onnxruntime-web", () => callEngine(ort, direct, inputs)],
    ["Session.run", () => callOrtlet(session, inputs)],
    ["WorkerSession.run", () => callOrtlet(worker, inputs)],
  ];
  if (precision !== undefined) {
    const quantized = await Session.load(model.file, { ...options, precision });
    ways.push([`Session.run, ${precision}`, () => callOrtlet(quantized, inputs)]);
  }
  return byTurns(ways, rounds, calls, warmUp);
}

/** @param {[string, () => Promise<unknown>][]} ways @param {number} rounds @param {number} calls @param {number} warmUp */
async function byTurns(ways, rounds, calls, warmUp) {
  // Until the compiler of the browser has done its best.
  for (const [, call] of ways) await repeat(call, 30);
  /** @type {Record<string, number[]>} */
  const values = Object.fromEntries(ways.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < ways.length; turn += 1) {
      const way = ways[(round + turn) % ways.length];
      if (way === undefined) continue;
      await repeat(way[1], warmUp);
      const start = performance.now();
      await repeat(way[1], calls);
      values[way[0]]?.push(((performance.now() - start) * 1e6) / calls);
    }
  }
  return values;
}

/** @param {() => Promise<unknown>} call @param {number} count */
async function repeat(call, count) {
  for (let at = 0; at < count; at += 1) await call();
}

/**
 * Milliseconds from the navigation to the first output, and what the cache's part in it was.
 * @param {{ model: Model, engine?: boolean, worker?: boolean, precision?: string }} work
 */
async function visit({ model, engine, worker, precision }) {
  const inputs = feeds(model);
  if (engine) {
    const ort = await import(`${ENGINE}ort.wasm.min.mjs`);
    ort.env.wasm.wasmPaths = ENGINE;
    await callEngine(ort, await ort.InferenceSession.create(model.file), inputs);
    return { time: performance.now() };
  }
  const { Session, createWorkerSession } = await import(PACKAGE);
  const load = worker ? createWorkerSession : Session.load;
  const session = await load(model.file, precision === undefined ? {} : { precision });
  await callOrtlet(session, inputs);
  return { time: performance.now(), outcome: session.report().cache.outcome };
}

const { scenario, ...work } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
/** @type {any} */ (globalThis).outcome = (scenario === "calls" ? calls : visit)(work);
