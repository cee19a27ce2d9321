/** Compiled models: the portable part of what the native program has compiled gives the model's results. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Inputs, type LoadOptions, Session, type Source } from "ortlet";
import { fileContents, tones } from "./inputs.js";
import { type Arrays, ortlet } from "./native.js";
import { realModel, temporary } from "./places.js";

/** Magika has its weights in one graph, silero in graphs inside of a node. */
const SUBJECTS: Record<string, { readonly file: string; readonly runs: () => Promise<Arrays[]> | Arrays[] }> = {
  magika: { file: "magika/model.onnx", runs: () => fileContents(1) },
  silero: { file: "silero-vad/silero_vad.onnx", runs: tones },
};

/** Compiles a real model; skips the test where there is no ONNX Runtime for that. */
async function compiled(t: TestContext, file: string): Promise<{ model: string; artifact: string } | undefined> {
  const model = realModel(t, file);
  if (model === undefined) return undefined;
  if (process.env.ORTLET_RUNTIME === undefined && process.env.CI === undefined) {
    t.skip("ORTLET_RUNTIME is not set");
    return undefined;
  }
  const artifact = join(await temporary(t), "model.ortlet");
  await ortlet("compile", model, "-o", artifact);
  return { model, artifact };
}

async function results(source: Source, runs: readonly Arrays[], options: LoadOptions = {}): Promise<unknown[]> {
  const session = await Session.load(source, options);
  const outputs: unknown[] = [];
  for (const inputs of runs) {
    const tensors = Object.values(await session.run(inputs as unknown as Inputs));
    outputs.push(tensors.map((tensor) => tensor.data));
  }
  outputs.push(session.report().origin);
  await session.dispose();
  return outputs;
}

for (const [name, { file, runs }] of Object.entries(SUBJECTS)) {
  test(`${name}, compiled, gives what the model gives`, async (t) => {
    const files = await compiled(t, file);
    if (files === undefined) return;
    const inputs = await runs();
    const expected = await results(files.model, inputs);
    assert.equal(expected.pop(), "model");
    const cache = await temporary(t);
    for (const visit of ["first", "second"]) {
      const found = await results(files.artifact, inputs, { cache });
      assert.equal(found.pop(), "artifact_portable", visit);
      assert.deepEqual(found, expected, visit);
    }
    await assert.rejects(Session.load(files.artifact, { precision: "int8" }), { code: "unsupported" });
    const damaged = await readFile(files.artifact);
    damaged[damaged.length - 5000]! ^= 1;
    await assert.rejects(Session.load(damaged), { code: "integrity" });
  });
}
