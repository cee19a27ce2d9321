/** Quantized models are byte for byte those that Ortlet makes natively. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Model, Session, calibrate, quantize, type Inputs, type Progress, type QuantizeOptions } from "ortlet";
import { fileContents } from "./inputs.js";
import { ortlet } from "./native.js";
import { fixture, realModel, temporary } from "./places.js";

/** `reduceRange` is said because native programs ask the processor. */
const CASES: readonly [QuantizeOptions, readonly string[]][] = [
  [{ mode: "int8-dynamic", reduceRange: false }, ["--mode", "int8-dynamic", "--reduce-range", "false"]],
  [
    { mode: "int8", reduceRange: true, embeddings: false },
    ["--mode", "int8", "--reduce-range", "true", "--no-embeddings"],
  ],
  [
    { mode: "weights-8", blockSize: 64, reduceRange: false },
    ["--mode", "weights-8", "--block-size", "64", "--reduce-range", "false"],
  ],
  [{ mode: "weights-4", reduceRange: false }, ["--mode", "weights-4", "--reduce-range", "false"]],
  [{ mode: "float16", reduceRange: false }, ["--mode", "float16", "--reduce-range", "false"]],
];

/** Before each entry of a model's metadata in protobuf. */
const METADATA = 0x72;

test("quantized models are those of the native program", async (t) => {
  const path = realModel(t, "magika/model.onnx");
  if (path === undefined) return;
  const folder = await temporary(t);
  for (const [options, native] of CASES) {
    await t.test(native.join(" "), async () => {
      const file = join(folder, "native.onnx");
      const report = JSON.parse(await ortlet("quantize", path, "--json", "-o", file, ...native)) as Record<
        string,
        unknown
      >;
      const { model, report: own } = await quantize(path, options);
      const expected = await readFile(file);
      assert.ok(expected.subarray(0, model.bytes.length).equals(model.bytes), "the models differ");
      // The program adds how the model was made, and nothing else.
      assert.equal(expected[model.bytes.length] ?? METADATA, METADATA);
      assert.deepEqual(pick(own, Object.keys(own)), pick(report, Object.keys(own)));
    });
  }
});

function pick(report: object, fields: readonly string[]): unknown[] {
  return fields.map((field) => (report as Record<string, unknown>)[field]);
}

test("ranges of samples make static models", async (t) => {
  const path = realModel(t, "magika/model.onnx");
  if (path === undefined) return;
  const told: Progress[] = [];
  const samples = (await fileContents(4)) as unknown as Inputs[];
  const onProgress = (progress: Progress): void => void told.push(progress);
  const calibration = await calibrate(path, samples, { onProgress, maxBytes: 1 << 20 });
  assert.equal(calibration.sampleCount, 4);
  assert.equal(told.at(-1)?.fraction, 1);
  const { model, report } = await quantize(path, { mode: "int8-static", calibration });
  assert.ok(report.quantized_count > 0, report.verdict);
  const session = await Session.load(model);
  assert.equal((await session.run(samples[0]!)).target_label?.shape.length, 2);
  await session.dispose();
  await assert.rejects(quantize(path, { mode: "int8-static" }), { code: "invalid_argument" });
});

test("a calibration needs samples that fit, and can be given up", async () => {
  const path = fixture("linear.onnx");
  await assert.rejects(calibrate(path, []), { code: "invalid_argument" });
  await assert.rejects(calibrate(path, [{ nothing: 1 }]), { code: "not_found" });
  await assert.rejects(calibrate(path, [{}], { signal: AbortSignal.abort() }), { code: "cancelled" });
});

test("what cannot be asked for is said by name", async () => {
  const path = fixture("dense.onnx");
  const wrong: [unknown, RegExp][] = [
    [{ mode: "int7" }, /int7/],
    [{ blocksize: 32 }, /blockSize/],
    [{ blockSize: 33 }, /block/],
    [{ calibration: {} }, /calibrate/],
  ];
  for (const [options, message] of wrong) {
    await assert.rejects(quantize(path, options as QuantizeOptions), { code: "invalid_argument", message });
  }
  await assert.rejects(quantize(fixture("external.onnx")), { code: "unsupported", message: /other files/ });
});

test("a model tells what is in it", async () => {
  const model = await Model.open(fixture("dense.onnx"));
  const report = await model.report();
  assert.deepEqual(
    report.inputs.map((input) => input.name),
    model.inputs.map((input) => input.name),
  );
  assert.ok(report.parameter_bytes > 0);
  assert.equal(await Model.open(model), model);
  await assert.rejects(Model.open(new Uint8Array([1, 2, 3])), { code: "invalid_model" });
});
