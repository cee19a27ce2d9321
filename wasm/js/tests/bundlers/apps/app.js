/** A page that runs a model, itself and in a worker, and tells the test in the console what came of it. */

import { createWorkerSession, Session } from "ortlet";

const X = { dtype: "float32", shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) };

async function outcome(load, precision) {
  console.log(`loading with precision ${precision}`);
  const session = await load(new URL("/models/linear.onnx", location.href), { precision, cache: false });
  try {
    console.log("running");
    const { y } = await session.run({ x: X });
    const { engine } = session.report();
    return { y: Array.from(y.data), shape: y.shape, threads: engine.threads };
  } finally {
    await session.dispose();
  }
}

async function outcomes() {
  const onPage = (source, options) => Session.load(source, options);
  return {
    page: await outcome(onPage),
    worker: await outcome(createWorkerSession),
    quantizedOnPage: await outcome(onPage, "int8"),
    quantizedInWorker: await outcome(createWorkerSession, "int8"),
  };
}

function say(result) {
  console.log(`outcome ${JSON.stringify({ isolated: crossOriginIsolated, violations, ...result })}`);
}

const violations = [];
addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
  violations.push(`${effectiveDirective}: ${blockedURI}`);
});

outcomes().then(
  (value) => say({ value }),
  ({ name, message, stack }) => say({ error: { name, message, stack } }),
);
