/** Sessions in this thread: inputs of every form, the queue, what ends runs, metrics, disposing. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { OrtletError, Session, Tensor, metricsText, type InputValue, type LoadOptions } from "ortlet";

const FIXTURES = join(process.env.ORTLET_TEST_REPOSITORY as string, "tests", "conformance", "fixtures");
const load = (name: string, options?: LoadOptions) => Session.load(join(FIXTURES, name), options);
const isError =
  (code: string, part = "") =>
  (error: unknown) => {
    assert.ok(error instanceof OrtletError, String(error));
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.includes(part), error.message);
    return true;
  };

void test("an input may have many forms", async () => {
  const session = await load("linear.onnx");
  const data = new Float32Array([1, 2, 3]);
  const forms: InputValue[] = [
    new Tensor("float32", data, [1, 3]),
    { shape: [1, 3], data },
    { dtype: "float32", shape: [1, 3], data: [1, 2, 3] },
    { type: "float32", dims: [1, 3], data },
    data,
    [[1, 2, 3]],
    [[1n, 2, 3]],
  ];
  for (const form of forms) assert.deepEqual((await session.run({ x: form })).y?.toNested(), [[32, 18]]);
  const both = await session.run({ x: new Float32Array([1, 2, 3, 0, 0, 0]) });
  assert.deepEqual(both.y?.shape, [2, 2]);
  await session.dispose();
});

void test("what does not fit is told before the engine sees it", async () => {
  const session = await load("linear.onnx");
  const wrong: [InputValue, string, string][] = [
    [new Float64Array(3), "tensor_mismatch", "float64[3]"],
    [new Float32Array(4), "tensor_mismatch", "float32[4]"],
    [[1, 2, 3], "tensor_mismatch", "float32[3]"],
    [
      [
        [1, 2, 3],
        [1, 2],
      ],
      "invalid_argument",
      "length",
    ],
    [[[1, "2", 3]], "tensor_mismatch", '"2"'],
    [{ shape: [1, 2], data: [1, 2, 3] }, "tensor_mismatch", "2 elements"],
    [{ type: "int8", dims: [1, 3], data: new Int8Array(3) }, "tensor_mismatch", "int8[1, 3]"],
    [new Date() as unknown as InputValue, "unsupported", "Date"],
    [null, "tensor_mismatch", "nothing"],
  ];
  for (const [form, code, part] of wrong) await assert.rejects(session.run({ x: form }), isError(code, part));
  await assert.rejects(session.run({ x: [[1, 2, 3]], toString: 1 }), isError("not_found", "toString"));
  await assert.rejects(session.run(null as never), isError("invalid_argument"));
  await assert.rejects(
    session.run({ x: [[1, 2, 3]] }, { deadline: 1 } as never),
    isError("invalid_argument", "deadlineMs"),
  );
  assert.equal(session.metrics().metrics.run_count, 0);
  await session.dispose();
});

void test("runs take turns in the order of their calls, whatever the session", async () => {
  const sessions = [await load("linear.onnx"), await load("two_outputs.onnx")] as const;
  const ended: number[] = [];
  const runs = Array.from({ length: 40 }, async (_, at) => {
    const result =
      at % 2 === 0 ? await sessions[0].run({ x: [[at, 0, 0]] }) : await sessions[1].run({ a: [BigInt(at)], b: [1n] });
    ended.push(at);
    return result;
  });
  const results = await Promise.all(runs);
  assert.deepEqual(
    ended,
    [...ended].sort((a, b) => a - b),
  );
  results.forEach((result, at) => {
    // The first column of the weights adds x to 10.
    if (at % 2 === 0) assert.equal(result.y?.data[0], at + 10);
    else assert.deepEqual(result.sum?.toNested(), [BigInt(at + 1)]);
  });
  const { metrics } = sessions[0].metrics();
  assert.equal(metrics.run_count, 20);
  assert.ok((metrics.queue.max_ns as number) > 0);
  await Promise.all(sessions.map((session) => session.dispose()));
});

void test("signals and deadlines end runs, and are counted", async () => {
  const session = await load("linear.onnx");
  const inputs = { x: [[1, 2, 3]] };
  const reason = new Error("enough");
  await assert.rejects(session.run(inputs, { signal: AbortSignal.abort(reason) }), (error: unknown) => {
    isError("cancelled")(error);
    assert.equal((error as Error).name, "AbortError");
    assert.equal((error as Error).cause, reason);
    return true;
  });
  await assert.rejects(session.run(inputs, { deadlineMs: 0 }), (error: unknown) => {
    isError("deadline_exceeded")(error);
    assert.equal((error as Error).name, "TimeoutError");
    return true;
  });
  await session.run(inputs, { deadlineMs: 60_000, signal: new AbortController().signal });
  const { metrics } = session.metrics();
  assert.deepEqual([metrics.run_count, metrics.cancelled_count, metrics.deadline_exceeded_count], [3, 1, 1]);
  assert.deepEqual(metrics.error_counts, { cancelled: 1, deadline_exceeded: 1 });
  await session.dispose();
});

void test("a run that waits is ended at once, and the others go on", async () => {
  const session = await load("repeat.onnx");
  const long = { count: 300_000n, x: [0, 0] };
  const controller = new AbortController();
  const first = session.run(long);
  const second = session.run(long, { signal: controller.signal });
  const third = session.run({ count: 1n, x: [1, 2] });
  controller.abort();
  await assert.rejects(second, isError("cancelled"));
  assert.deepEqual((await third).y?.toNested(), [2, 3]);
  await first;
  assert.equal(session.metrics().metrics.run_count, 3);
  await session.dispose();
});

void test("metrics tell the same phases of the load as the report", async () => {
  const session = await load("dense.onnx", { precision: "int8" });
  assert.equal(session.report().precision?.precision, "int8-dynamic");
  assert.deepEqual(session.metrics().metrics.load, session.report().phases);
  const { download_ns, quantize_ns, total_ns, first_run_ns } = session.metrics().metrics.load;
  assert.ok(download_ns > 0 && quantize_ns > 0 && download_ns + quantize_ns < total_ns);
  assert.equal(first_run_ns, null);
  await session.run({ x: { shape: [1, 32], data: new Float32Array(32) } });
  assert.deepEqual(session.metrics().metrics.load, session.report().phases);
  assert.ok((session.metrics().metrics.load.first_run_ns ?? 0) > 0);
  await session.dispose();
});

void test("the number of runs may be bounded", async () => {
  const session = await load("linear.onnx", { concurrencyLimit: 2, concurrencyWaitMs: 0 });
  const inputs = { x: [[1, 2, 3]] };
  const settled = await Promise.allSettled([1, 2, 3].map(() => session.run(inputs)));
  assert.deepEqual(
    settled.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected"],
  );
  isError("pool_exhausted", "2 runs")((settled[2] as PromiseRejectedResult).reason);
  await session.run(inputs);
  await session.dispose();
  const patient = await load("linear.onnx", { concurrencyLimit: 1, concurrencyWaitMs: 60_000 });
  await Promise.all([1, 2, 3].map(() => patient.run(inputs)));
  await patient.dispose();
});

void test("metrics of several sessions make one text", async () => {
  const [one, two] = [await load("linear.onnx"), await load("linear.onnx")];
  await one.run({ x: [[1, 2, 3]] });
  const text = metricsText({ one, two });
  assert.ok(text.endsWith("# EOF\n"));
  assert.match(text, /model="one"|session="one"|"one"/);
  assert.match(text, /"two"/);
  assert.ok((one.report().phases.first_run_ns ?? 0) > 0);
  assert.equal(two.report().phases.first_run_ns, null);
  await Promise.all([one.dispose(), two.dispose()]);
});

void test("a session that is disposed waits for its runs and takes no more", async () => {
  const session = await load("linear.onnx");
  const run = session.run({ x: [[1, 2, 3]] });
  const end = session.dispose();
  assert.equal(session.isDisposed, true);
  assert.equal(session.dispose(), end);
  assert.deepEqual((await run).y?.toNested(), [[32, 18]]);
  await end;
  await assert.rejects(session.run({ x: [[1, 2, 3]] }), isError("invalid_argument", "is closed"));
  await assert.rejects(session.bind(), isError("invalid_argument", "is closed"));
  assert.throws(() => session.metrics(), isError("invalid_argument", "is closed"));
  assert.equal(session.report().origin, "model");
});

void test("options that make no sense are told by name", async () => {
  const wrong: [object, string][] = [
    [{ thread: 2 }, "did you mean `threads`"],
    [{ threads: 0 }, "threads"],
    [{ threads: "many" }, "auto"],
    [{ precision: "int7" }, "int7"],
    [{ dims: { batch: 0 } }, "dims.batch"],
    [{ accuracy: { minCosin: 1 } }, "minCosine"],
    [{ concurrencyLimit: 0 }, "concurrencyLimit"],
    [{ config: { a: 1 } }, "config"],
    [{ sha256: "abc" }, "sha256"],
  ];
  for (const [options, part] of wrong)
    await assert.rejects(load("linear.onnx", options), isError("invalid_argument", part));
});

void test("an engine that does not start fails within its time, and may start later", async () => {
  const never = { InferenceSession: { create: () => new Promise<never>(() => undefined) }, Tensor: class {}, env: {} };
  const failing = load("linear.onnx", { engine: never as never, startTimeoutMs: 50 });
  await assert.rejects(failing, isError("runtime_failed", "50 ms"));
  const broken = { ...never, InferenceSession: { create: () => Promise.reject(new Error("no memory")) } };
  await assert.rejects(
    load("linear.onnx", { engine: () => Promise.resolve(broken as never) }),
    isError("runtime_failed", "no memory"),
  );
  await (await load("linear.onnx")).dispose();
});
