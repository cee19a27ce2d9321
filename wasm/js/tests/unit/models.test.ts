/** Results of real models are those of plain ONNX Runtime, as they are and quantized. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Model, Session, quantize, type Inputs } from "ortlet";
import { asArray, fileContents, sentences, tones } from "./inputs.js";
import { cosine, difference, plain, type Arrays } from "./native.js";
import { fixture, realModel, temporary } from "./places.js";

interface Subject {
  readonly file: string;
  readonly runs: (model: Model) => Promise<Arrays[]> | Arrays[];
  /** How similar quantized results are at least to those of the original. */
  readonly cosine: number;
  /** The same to those of the quantized model in plain ONNX Runtime, which rounds activations a little otherwise. */
  readonly nativeCosine: number;
}

const SUBJECTS: Record<string, Subject> = {
  magika: { file: "magika/model.onnx", runs: () => fileContents(6), cosine: 0.99, nativeCosine: 0.999 },
  silero: { file: "silero-vad/silero_vad.onnx", runs: tones, cosine: 0.99, nativeCosine: 0.999 },
  minilm: {
    file: "minilm/model.onnx",
    runs: (model) => sentences(model.inputs.map((input) => input.name as string)),
    cosine: 0.97,
    nativeCosine: 0.99,
  },
};

for (const [name, subject] of Object.entries(SUBJECTS)) {
  test(`${name} gives what plain ONNX Runtime gives`, async (t) => {
    const path = realModel(t, subject.file);
    if (path === undefined) return;
    const folder = await temporary(t);
    const model = await Model.open(path);
    const runs = await subject.runs(model);
    const expected = await plain(t, path, runs, folder);
    if (expected === undefined) return;
    const results = await run(t, model, runs);
    eachOutput(expected, results, (reference, result, what) => {
      assert.ok(difference(reference, result) <= 1e-4, `${what}: ${difference(reference, result)}`);
    });

    const { model: small, report } = await quantize(model, { mode: "int8" });
    assert.ok(report.quantized_count > 0, report.verdict);
    assert.ok(small.bytes.length < model.bytes.length);
    const file = join(folder, "int8.onnx");
    await writeFile(file, small.bytes);
    const native = await plain(t, file, runs, folder);
    const quantized = await run(t, small, runs);
    eachOutput(native!, quantized, (reference, result, what) => {
      assert.ok(
        cosine(reference, result) >= subject.nativeCosine,
        `${what}, both quantized: ${cosine(reference, result)}`,
      );
    });
    eachOutput(expected, quantized, (reference, result, what) => {
      assert.ok(cosine(reference, result) >= subject.cosine, `${what}, quantized: ${cosine(reference, result)}`);
    });
  });
}

async function run(t: TestContext, model: Model, runs: readonly Arrays[]): Promise<Arrays[]> {
  const session = await Session.load(model);
  t.after(() => session.dispose());
  const results: Arrays[] = [];
  for (const inputs of runs) {
    const outputs = await session.run(inputs as unknown as Inputs);
    results.push(Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, asArray(tensor)])));
  }
  return results;
}

function eachOutput(
  expected: readonly Arrays[],
  found: readonly Arrays[],
  check: (expected: ArrayBufferView, found: ArrayBufferView, what: string) => void,
): void {
  assert.equal(found.length, expected.length);
  for (const [number, outputs] of expected.entries()) {
    assert.deepEqual(Object.keys(found[number]!), Object.keys(outputs));
    for (const [name, reference] of Object.entries(outputs)) {
      const result = found[number]![name]!;
      assert.deepEqual([result.dtype, result.shape], [reference.dtype, reference.shape]);
      check(reference.data, result.data, `${name} of run ${number}`);
    }
  }
}

test("runs on zeros come before the first run; what computes nothing of them is a warning", async (t) => {
  const path = realModel(t, "silero-vad/silero_vad.onnx");
  if (path === undefined) return;
  const cold = await Session.load(path);
  const failed = await Session.load(path, { warmUpRuns: 1 });
  // It takes no sound as short as the zeros for an open size.
  const named = await Session.load(fixture("dense.onnx"), { warmUpRuns: 2 });
  assert.deepEqual([cold.report().phases.warm_up_ns, cold.report().warnings], [0, []]);
  assert.match(failed.report().warnings.join(), /^not warmed up: /);
  assert.deepEqual(named.report().warnings, []);
  assert.ok(named.report().phases.warm_up_ns > 0);
  for (const session of [cold, failed, named]) await session.dispose();
});
