/** Sessions in a thread of Node's: the process ends by itself, threads that go leave errors, files are found. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { createWorkerSession, Session } from "ortlet";
import type { Inputs, Source, Tensor, TensorLike, WorkerLoadOptions } from "ortlet";

const FIXTURES = join(process.env.ORTLET_TEST_REPOSITORY ?? "", "tests", "conformance", "fixtures");
const LINEAR = join(FIXTURES, "linear.onnx");
const REPEAT = join(FIXTURES, "repeat.onnx");
const X = new Float32Array([1, 2, 3, 4, 5, 6]);
const Y = [32, 18, 59, 54];
const LONG = { count: 1_000_000_000_000n, x: [0, 0] };
const SHORT = { count: 3n, x: [0, 0] };

async function linear(source: Source, options?: WorkerLoadOptions): Promise<number[]> {
  const session = await createWorkerSession(source, options);
  const { y } = await session.run({ x: X });
  await session.dispose();
  return numbers(y);
}

function numbers(tensor: Tensor | undefined): number[] {
  return Array.from(tensor?.data as ArrayLike<number>, Number);
}

async function failure(promise: Promise<unknown>): Promise<{ code?: string; message: string; cause?: unknown }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it succeeded");
}

/** Threads that begin while something is done. */
async function threadsOf<T>(work: (threads: readonly Worker[]) => Promise<T>): Promise<T> {
  const threads: Worker[] = [];
  const seen = (worker: Worker) => threads.push(worker);
  process.on("worker", seen);
  try {
    return await work(threads);
  } finally {
    process.off("worker", seen);
  }
}

/** Runs a program of its own; gives what it wrote and its exit code, after which nothing of it is left. */
function program(code: string): Promise<{ output: string; code: number | null }> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: process.env.ORTLET_TEST_NPM,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (part: Buffer) => (output += part.toString()));
  return new Promise((resolve) => child.on("close", (exit) => resolve({ output, code: exit })));
}

describe("a session in a thread", () => {
  test("loads from paths, URLs of files, bytes and blobs", async () => {
    const bytes = await readFile(LINEAR);
    const sources = [LINEAR, relative(process.cwd(), LINEAR), new URL(`file://${LINEAR}`), bytes, new Blob([bytes])];
    for (const source of sources) assert.deepEqual(await linear(source), Y);
    assert.equal(bytes.length > 0, true);
  });

  test("gives what a session on the main thread gives", async () => {
    const session = await Session.load(LINEAR);
    assert.deepEqual(numbers((await session.run({ x: X })).y), Y);
    const inside = await createWorkerSession(LINEAR);
    assert.deepEqual(inside.inputs, session.inputs);
    assert.deepEqual(inside.outputs, session.outputs);
    assert.deepEqual(Object.keys(inside.report()).sort(), Object.keys(session.report()).sort());
    await Promise.all([session.dispose(), inside.dispose()]);
  });

  test("has external data beside it", async () => {
    const session = await createWorkerSession(join(FIXTURES, "external.onnx"), {
      externalData: { "external.bin": join(FIXTURES, "external.bin") },
    });
    assert.ok(session.inputs.length > 0);
    await session.dispose();
  });

  test("begins anew with external data of bytes that were moved", async () => {
    const own = new Uint8Array(await readFile(join(FIXTURES, "external.bin")));
    await threadsOf(async (threads) => {
      const session = await createWorkerSession(join(FIXTURES, "external.onnx"), {
        externalData: { "external.bin": own },
        transfer: true,
      });
      assert.equal(own.byteLength, 0);
      const inputs = Object.fromEntries(session.inputs.map((info) => [info.name as string, zeros(info)]));
      const before = await session.run(inputs);
      await threads.at(0)?.terminate();
      const later = await session.run(inputs);
      assert.deepEqual(Object.values(later).map(numbers), Object.values(before).map(numbers));
      assert.equal(threads.length, 2);
      await session.dispose();
    });
  });

  test("fails a run whose thread has gone, and has a new one for the next", async () => {
    await threadsOf(async (threads) => {
      const session = await createWorkerSession(REPEAT);
      const long = failure(session.run(LONG));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await threads.at(0)?.terminate();
      assert.equal((await long).code, "runtime_failed");
      assert.deepEqual(numbers((await session.run(SHORT)).y), [3, 3]);
      assert.equal(threads.length, 2);
      await session.dispose();
    });
  });

  test("ends its thread when it is disposed", async () => {
    await threadsOf(async (threads) => {
      const session = await createWorkerSession(LINEAR);
      const ended = new Promise((resolve) => threads[0]?.on("exit", resolve));
      await session.dispose();
      await ended;
    });
  });

  test("says what is wrong as a session does", async () => {
    assert.equal((await failure(createWorkerSession(join(FIXTURES, "nothing.onnx")))).code, "not_found");
    assert.equal((await failure(createWorkerSession(new Uint8Array(9)))).code, "invalid_model");
    const engine = { engine: {} } as WorkerLoadOptions;
    assert.equal((await failure(createWorkerSession(LINEAR, engine))).code, "unsupported");
    const wrong = { precison: "auto" } as WorkerLoadOptions;
    const error = await failure(createWorkerSession(LINEAR, wrong));
    assert.equal(error.code, "invalid_argument");
    assert.match(error.message, /precision/);
    const uncloneable = { providers: [{ name: "cpu", hook: () => 1 }] } as WorkerLoadOptions;
    assert.equal((await failure(createWorkerSession(LINEAR, uncloneable))).code, "invalid_argument");
  });

  test("calls functions of the caller's on the caller's side", async () => {
    const phases = new Set<string>();
    let calls = 0;
    const measure = (reference: Record<string, Tensor>, candidate: Record<string, Tensor>): number => {
      calls += 1;
      assert.ok(Array.isArray(reference.y?.toNested()));
      return candidate.y === undefined ? 0 : 1;
    };
    const session = await createWorkerSession(LINEAR, {
      precision: "int8-dynamic",
      samples: samples(),
      accuracy: { minCosine: null, meanCosine: null, measure, measureAtLeast: 0.5 },
      onProgress: ({ phase }) => phases.add(phase),
    });
    await session.dispose();
    assert.ok(calls > 0);
    assert.ok(phases.has("create"), [...phases].join());
  });

  test("gives back what a function of the caller's throws", async () => {
    const thrown = new RangeError("no measure today");
    const measure = (): number => {
      throw thrown;
    };
    const accuracy = { minCosine: null, meanCosine: null, measure, measureAtLeast: 0.5 };
    const options = { precision: "int8-dynamic", samples: samples(), accuracy } as const;
    assert.equal(await failure(createWorkerSession(LINEAR, options)), thrown);
    const onProgress = (): void => {
      throw thrown;
    };
    assert.equal(await failure(createWorkerSession(LINEAR, { onProgress })), thrown);
  });
});

describe("a program", () => {
  const start = `import { createWorkerSession } from "ortlet";
    const session = await createWorkerSession(${JSON.stringify(LINEAR)});
    const { y } = await session.run({ x: [[1, 2, 3], [4, 5, 6]] });`;

  test("ends although a session is open", async () => {
    const { output, code } = await program(`${start} console.log([...y.data].join());`);
    assert.deepEqual([output.trim(), code], [Y.join(), 0]);
  });

  test("ends after a session was disposed", async () => {
    const { output, code } = await program(`${start} await session.dispose(); console.log([...y.data].join());`);
    assert.deepEqual([output.trim(), code], [Y.join(), 0]);
  });
});

function samples(): Inputs[] {
  return Array.from({ length: 6 }, (_, at) => ({ x: { shape: [2, 3], data: X.map((value) => value + at) } }));
}

/** Zeros of an input's type, with sizes of 1 where they are open. */
function zeros(info: { readonly shape?: readonly (number | string | null)[] | null }): TensorLike {
  const shape = (info.shape ?? []).map((size) => (typeof size === "number" ? size : 1));
  return { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) };
}
