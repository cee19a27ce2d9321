/** Choosing a precision: what is tried on real samples, what is said of it, and that it ends in time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, Session, choosePrecision, type Inputs, type LoadOptions, type PrecisionReport } from "ortlet";
import { fileContents } from "./inputs.js";
import { fixture, realModel, temporary } from "./places.js";

async function magikaSamples(count: number): Promise<Inputs[]> {
  return (await fileContents(count)) as unknown as Inputs[];
}

/** What holds for every choice. */
function checkReport(report: PrecisionReport): void {
  const chosen = report.candidates.filter((candidate) => candidate.is_chosen);
  assert.deepEqual(
    chosen.map((candidate) => candidate.name),
    [report.chosen],
  );
  assert.equal(report.candidates[0]?.name, "original");
  for (const candidate of report.candidates.slice(1)) {
    assert.equal(candidate.reason === null, candidate.is_chosen, `${candidate.name}: ${candidate.reason}`);
  }
  for (const layer of report.layers) assert.notEqual(layer.form === null, layer.reason === null, layer.node);
  assert.ok(report.verdict.length > 0);
}

test("auto gives a model that keeps the budget on samples that took no part", async (t) => {
  const path = realModel(t, "magika/model.onnx");
  if (path === undefined) return;
  const samples = await magikaSamples(24);
  const { model, report } = await choosePrecision(path, { precision: "auto", samples, timeLimitMs: 30_000 });
  checkReport(report);
  assert.deepEqual(report.samples, { calibration: 10, selection: 7, verification: 7 });
  assert.ok(
    report.candidates.some((candidate) => candidate.name === "int8-dynamic"),
    JSON.stringify(report.candidates),
  );
  if (report.chosen !== "original") {
    assert.equal(report.accuracy?.sample_count, 7);
    assert.ok(report.accuracy.min_cosine >= 0.997 && report.accuracy.mean_cosine >= 0.999);
    assert.ok((report.time_ratio ?? 1) < 1);
  }
  // What was chosen gives nearly what the original does, by a count of our own: all samples, seen in the choice or not.
  const [original, chosen] = [await Session.load(path), await Session.load(model)];
  let [similarity, equalLabels] = [0, 0];
  for (const sample of samples) {
    const runs = [await original.run(sample), await chosen.run(sample)];
    const [expected, actual] = runs.map((run) => run.target_label!.data as Float32Array) as [
      Float32Array,
      Float32Array,
    ];
    similarity += cosine(expected, actual) / samples.length;
    equalLabels += largest(expected) === largest(actual) ? 1 : 0;
  }
  assert.ok(similarity >= 0.99, `mean cosine ${similarity}`);
  assert.ok(equalLabels >= samples.length * 0.9, `${equalLabels} of ${samples.length} labels are the original's`);
  await original.dispose();
  await chosen.dispose();
});

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, at) => sum + value * y[at]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function largest(values: Float32Array): number {
  return values.reduce((best, value, at) => (value > values[best]! ? at : best), 0);
}

test("a choice is kept for the next visit, and made anew for other samples and another seed", async (t) => {
  const cache = await temporary(t);
  const options: LoadOptions = { cache, precision: "auto", samples: await dense(8), timeLimitMs: 5000 };
  const first = await Session.load(fixture("dense.onnx"), options);
  checkReport(first.report().precision!);
  const second = await Session.load(fixture("dense.onnx"), options);
  assert.equal(second.report().cache.outcome, "hit");
  assert.deepEqual(second.report().precision, first.report().precision);
  const third = await Session.load(fixture("dense.onnx"), { ...options, samples: await dense(9) });
  assert.equal(third.report().cache.outcome, "stored");
  const fourth = await Session.load(fixture("dense.onnx"), { ...options, seed: 1 });
  assert.equal(fourth.report().cache.outcome, "stored");
  assert.deepEqual(
    [first, fourth].map((session) => session.report().precision?.seed),
    [0, 1],
  );
  for (const session of [first, second, third, fourth]) await session.dispose();
});

/** Samples of the inputs that a small model declares. */
async function dense(count: number): Promise<Inputs[]> {
  const session = await Session.load(fixture("dense.onnx"));
  const { inputs } = session;
  await session.dispose();
  return Array.from({ length: count }, (_, number) =>
    Object.fromEntries(
      inputs.map(({ name, shape }) => {
        const sizes = (shape ?? []).map((size) => (typeof size === "number" ? size : 2));
        const length = sizes.reduce((product, size) => product * size, 1);
        return [name, { shape: sizes, data: Float32Array.from({ length }, (_, at) => Math.sin(at + 10 * number)) }];
      }),
    ),
  );
}

test("without time the original stays", async () => {
  const options: LoadOptions = { precision: "auto", samples: await dense(8), timeLimitMs: 0 };
  const { report } = await choosePrecision(fixture("dense.onnx"), options);
  assert.equal(report.chosen, "original");
  assert.match(report.verdict, /time was up/);
  checkReport(report);
});

test("without a precision the model stays as it is", async () => {
  const source = await Model.open(fixture("dense.onnx"));
  const { model, report } = await choosePrecision(source);
  assert.deepEqual(model.bytes, source.bytes);
  const { precision, chosen, accuracy, time_ratio, made_for, candidates } = report;
  assert.deepEqual([precision, chosen, accuracy, time_ratio, made_for], ["original", "original", null, null, null]);
  assert.deepEqual(candidates, []);
  const { parameter_bytes } = await source.report();
  assert.deepEqual([report.parameter_bytes_before, report.parameter_bytes_after], [parameter_bytes, parameter_bytes]);
  await assert.rejects(choosePrecision(source, { accuracy: { minCosine: 2 } }), { code: "invalid_argument" });
});

test("a seed decides which samples are for what", async () => {
  const samples = await dense(16);
  const verified = async (seed: number): Promise<string[]> => {
    const seen: string[] = [];
    const measure = (reference: Record<string, { data: unknown }>): number => {
      seen.push(...Object.values(reference).map(({ data }) => String(data)));
      return 1;
    };
    const accuracy = { minCosine: null, meanCosine: null, measure: measure as never, measureAtLeast: 0 };
    const { report } = await choosePrecision(fixture("dense.onnx"), {
      precision: "weights-8",
      samples,
      accuracy,
      seed,
    });
    assert.equal(report.seed, seed);
    return seen;
  };
  const first = await verified(1);
  assert.ok(first.length > 0);
  assert.deepEqual(await verified(1), first);
  assert.notDeepEqual((await verified(2)).sort(), [...first].sort());
  const wrong = { precision: "auto", samples, seed: -1 } as const;
  await assert.rejects(choosePrecision(fixture("dense.onnx"), wrong), { code: "invalid_argument" });
});

test("a mode is verified where there are samples", async (t) => {
  const path = realModel(t, "magika/model.onnx");
  if (path === undefined) return;
  const samples = await magikaSamples(8);
  const session = await Session.load(path, { precision: "int8-static", samples });
  const report = session.report().precision!;
  assert.deepEqual([report.precision, report.accuracy?.sample_count], ["int8-static", 2]);
  await session.dispose();
  const accuracy = { minCosine: 1, meanCosine: 1 };
  await assert.rejects(Session.load(path, { precision: "weights-4", samples, accuracy }), (error: Error) => {
    const { code, details } = error as Error & { code: string; details: Record<string, unknown> };
    assert.deepEqual([code, details.metric, details.budget], ["accuracy_budget", "minimum cosine", 1]);
    assert.ok((details.actual as number) < 1);
    return true;
  });
});

test("the caller's own measure counts", async () => {
  const samples = await dense(8);
  const seen: string[] = [];
  const measure = (
    reference: Record<string, { dtype: string }>,
    candidate: Record<string, { dtype: string }>,
  ): number => {
    seen.push(...Object.values(reference).map((tensor) => tensor.dtype));
    return Object.keys(candidate).length === Object.keys(reference).length ? 0.25 : 0;
  };
  const options = (measureAtLeast: number): LoadOptions => ({
    precision: "weights-8",
    samples,
    accuracy: { minCosine: null, meanCosine: null, measure: measure as never, measureAtLeast },
  });
  const { report } = await choosePrecision(fixture("dense.onnx"), options(0.25));
  assert.equal(report.accuracy?.measure, 0.25);
  assert.ok(seen.length > 0 && seen.every((dtype) => dtype === "float32"));
  await assert.rejects(choosePrecision(fixture("dense.onnx"), options(0.26)), { code: "accuracy_budget" });
});

test("what makes no sense is refused before anything is tried", async () => {
  const path = fixture("dense.onnx");
  const samples = await dense(8);
  const wrong: LoadOptions[] = [
    { precision: "auto" },
    { precision: "auto", samples: samples.slice(0, 3) },
    { precision: "int8-static" },
    { precision: "auto", samples, accuracy: { minCosine: 2 } },
    { precision: "auto", samples, accuracy: { minCosine: null, meanCosine: null } },
    { precision: "auto", samples, accuracy: { measure: () => 1 } },
    { precision: "int8", accuracy: { minCosine: -1 } },
  ];
  for (const options of wrong) {
    await assert.rejects(
      Session.load(path, options),
      { code: "invalid_argument" },
      JSON.stringify(Object.keys(options)),
    );
  }
  await assert.rejects(Session.load(path, { precision: "auto", samples: [...samples, { nothing: 1 }] }), {
    code: "not_found",
  });
});

test("a choice can be given up", async () => {
  const abort = new AbortController();
  const samples = await dense(8);
  const onProgress = ({ phase }: { phase: string }): void => {
    if (phase === "measure") abort.abort();
  };
  const options: LoadOptions = { precision: "auto", samples, signal: abort.signal, onProgress };
  await assert.rejects(Session.load(fixture("dense.onnx"), options), { code: "cancelled" });
});
