/** Runs a model with the package that was installed, on this thread and in a worker, as it is and quantized. */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { createWorkerSession, Session, version } from "ortlet";

const model = process.argv[2];
const x = { dtype: "float32", shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) };
const expected = [32, 18, 59, 54];

for (const load of [(...given) => Session.load(...given), createWorkerSession]) {
  for (const [source, precision] of [
    [model, undefined],
    [pathToFileURL(model), "int8"],
  ]) {
    const session = await load(source, precision === undefined ? {} : { precision });
    const { y } = await session.run({ x });
    assert.deepEqual(y.shape, [2, 2]);
    for (const [at, value] of y.data.entries()) {
      assert.ok(Math.abs(value - expected[at]) <= (precision === undefined ? 0 : 1), `${y.data}`);
    }
    await session.dispose();
  }
}
console.log(version);
