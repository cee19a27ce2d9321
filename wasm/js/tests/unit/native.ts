/** References from outside: plain ONNX Runtime in Python, and Ortlet's own program. */

import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { repository } from "./places.js";

/** Type, shape and elements of a tensor, as they go to Python and back. */
export interface Array {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

/** Inputs or outputs of one run. */
export type Arrays = Readonly<Record<string, Array>>;

const SCRIPT = `
import base64, json, sys
import numpy, onnxruntime
job = json.load(open(sys.argv[1]))
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
def array(said):
    return numpy.frombuffer(base64.b64decode(said["data"]), said["dtype"]).reshape(said["shape"])
def said(array):
    array = numpy.ascontiguousarray(array)
    return {"dtype": str(array.dtype), "shape": array.shape, "data": base64.b64encode(array.tobytes()).decode()}
runs = [session.run(names, {name: array(said) for name, said in run.items()}) for run in job["runs"]]
print(json.dumps([dict(zip(names, map(said, outputs))) for outputs in runs]))
`;

const TYPES: Record<string, new (buffer: ArrayBuffer) => ArrayBufferView> = {
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
};

/** What plain ONNX Runtime gives; `undefined`, and the test is skipped, where there is no Python with it. */
export async function plain(
  test: TestContext,
  model: string,
  runs: readonly Arrays[],
  folder: string,
): Promise<Arrays[] | undefined> {
  const python = process.env.ORTLET_TEST_PYTHON;
  if (python === undefined) {
    if (process.env.CI !== undefined) throw new Error("ORTLET_TEST_PYTHON is not set");
    test.skip("ORTLET_TEST_PYTHON is not set");
    return undefined;
  }
  const job = join(folder, "job.json");
  const told = runs.map((run) => Object.fromEntries(Object.entries(run).map(([name, array]) => [name, toJson(array)])));
  await writeFile(job, JSON.stringify({ model, runs: told }));
  const answer = JSON.parse(await output(python, ["-c", SCRIPT, job])) as Record<string, Record<string, string>>[];
  return answer.map((run) =>
    Object.fromEntries(Object.entries(run).map(([name, said]) => [name, fromJson(said as never)])),
  );
}

function toJson({ dtype, shape, data }: Array): unknown {
  return { dtype, shape, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
}

function fromJson({ dtype, shape, data }: { dtype: string; shape: number[]; data: string }): Array {
  const type = TYPES[dtype];
  if (type === undefined) throw new Error(`no array for ${dtype}`);
  return { dtype, shape, data: new type(new Uint8Array(Buffer.from(data, "base64")).buffer) };
}

/** Runs Ortlet's own program, which is built if it has to be. */
export function ortlet(...options: string[]): Promise<string> {
  const run = ["run", "--quiet", "--package", "ortlet-cli", "--bin", "ortlet", "--", ...options];
  return output(process.env.CARGO ?? "cargo", run, repository);
}

function output(program: string, options: readonly string[], cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, options, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.on("data", (data: Buffer) => (out += data.toString()));
    child.stderr.on("data", (data: Buffer) => (err += data.toString()));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${program} ended with ${code}:\n${err}`)),
    );
  });
}

/** The cosine between the elements of two arrays. */
export function cosine(one: ArrayBufferView, other: ArrayBufferView): number {
  const [a, b] = [[...numbers(one)], [...numbers(other)]];
  if (a.length !== b.length) return Number.NaN;
  const dot = (x: number[], y: number[]): number => x.reduce((sum, value, at) => sum + value * y[at]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The largest difference between the elements of two arrays. */
export function difference(one: ArrayBufferView, other: ArrayBufferView): number {
  const [a, b] = [numbers(one), numbers(other)];
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  // Written so that NaN shows.
  for (let at = 0; at < a.length; at++)
    if (!(Math.abs(a[at]! - b[at]!) <= largest)) largest = Math.abs(a[at]! - b[at]!);
  return largest;
}

function numbers(array: ArrayBufferView): Float64Array {
  return Float64Array.from(array as unknown as ArrayLike<number | bigint>, Number);
}
