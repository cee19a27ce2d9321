/** Bindings: the same arrays at each run, ties, and memory of the caller's. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { OrtletError, Session, Tensor } from "ortlet";

const FIXTURES = join(process.env.ORTLET_TEST_REPOSITORY as string, "tests", "conformance", "fixtures");

void test("inputs and outputs stay in the same arrays", async () => {
  const session = await Session.load(join(FIXTURES, "linear.onnx"));
  const mine = new Tensor("float32", new Float32Array(2), [1, 2]);
  const call = await session.bind({ shapes: { x: [1, 3], y: mine } });
  const x = call.inputs.x as Tensor<"float32">;
  x.data.set([1, 2, 3]);
  assert.equal((await call.run()).y, mine);
  assert.deepEqual([...mine.data], [32, 18]);
  x.data.fill(1);
  await call.run();
  assert.equal(call.inputs.x, x);
  assert.deepEqual([...mine.data], [19, 2]);
  assert.equal(session.metrics().metrics.run_count, 2);
  await session.dispose();
});

void test("a tied output is the next run's input, also after a run that failed", async () => {
  const session = await Session.load(join(FIXTURES, "counter.onnx"));
  const call = await session.bind({ ties: { next: "state" } });
  (call.inputs.x as Tensor<"int64">).data.set([1n, 10n]);
  for (let run = 1n; run <= 3n; run++) {
    const { next } = await call.run();
    assert.deepEqual(next?.toNested(), [run, run * 10n]);
    await assert.rejects(call.run({ deadlineMs: 0 }), OrtletError);
  }
  await session.dispose();
});

void test("a binding makes one run at a time", async () => {
  const session = await Session.load(join(FIXTURES, "linear.onnx"));
  const call = await session.bind({ shapes: { x: [1, 3] } });
  const first = call.run();
  await assert.rejects(
    call.run(),
    (error: unknown) => error instanceof OrtletError && error.code === "invalid_argument",
  );
  await first;
  await session.dispose();
});
