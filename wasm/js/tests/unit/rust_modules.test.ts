/** The two Rust modules by themselves: what crosses their border, against figures that are calculated here. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const WASM = join(process.env.ORTLET_TEST_NPM as string, "modules");
const FIXTURES = join(process.env.ORTLET_TEST_REPOSITORY as string, "tests/conformance/fixtures");

// biome-ignore lint/suspicious/noExplicitAny: the border has no declarations of its own
async function instance(kind: "session" | "tools"): Promise<any> {
  const { create } = await import(pathToFileURL(join(WASM, `ortlet_${kind}.js`)).href);
  const glue = create();
  glue.initSync({ module: await WebAssembly.compile(await readFile(join(WASM, `ortlet_${kind}.wasm`))) });
  return glue;
}

const session = await instance("session");
const tools = await instance("tools");
const model = await readFile(join(FIXTURES, "dense.onnx"));

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(new Float32Array(values).buffer);
}

/** The details of the error that some work throws as a text. */
function details(work: () => unknown): Record<string, unknown> {
  try {
    work();
  } catch (thrown) {
    assert.equal(typeof thrown, "string");
    return JSON.parse(thrown as string) as Record<string, unknown>;
  }
  throw new Error("nothing was thrown");
}

test("both modules describe models alike, and say what is wrong with bytes that are none", () => {
  assert.equal(session.describe(model), tools.describe(model));
  const { inputs, outputs, external_files } = JSON.parse(session.describe(model));
  assert.ok(inputs.length > 0 && outputs.length > 0);
  assert.deepEqual(external_files, []);
  for (const module of [session, tools]) {
    const error = details(() => module.describe(new Uint8Array([1, 2, 3])));
    assert.deepEqual([error.code, error.offset_bytes], ["invalid_model", 0]);
    assert.match(error.message as string, /^invalid model at byte 0: /);
  }
  assert.ok(session.is_artifact(new TextEncoder().encode("ORTLET\x1a\n")) && !session.is_artifact(model));
  assert.equal(session.last_panic(), undefined);
});

test("a recorder counts runs, and its mean is that of the latencies", () => {
  const recorder = new session.Recorder();
  const latencies = [1000, 2000, 4001];
  for (const latency of latencies) {
    recorder.started();
    recorder.ended(5, latency, 0);
  }
  recorder.started();
  recorder.ended(7, NaN, 10);
  recorder.started();
  const load = new Float64Array([1, 2, 3, 4, 5, 6, 7, 8, NaN]);
  const report = JSON.parse(recorder.report(load));
  assert.equal(report.compute.mean_ns, (1000 + 2000 + 4001) / 3);
  assert.deepEqual([report.compute.min_ns, report.compute.max_ns, report.queue.max_ns], [1000, 4001, 7]);
  const { metrics } = report;
  assert.deepEqual([metrics.run_count, metrics.in_flight_count], [4, 1]);
  assert.deepEqual(metrics.error_counts, { deadline_exceeded: 1 });
  assert.deepEqual(Object.values(metrics.load), [1, 2, 3, 4, 5, 6, 7, 8, null]);
  const text: string = session.openmetrics(
    [recorder.share(), new session.Recorder()],
    ["a", "b"],
    new Float64Array(18),
  );
  assert.ok(text.includes('ortlet_runs_total{session="a"} 4\n') && text.includes('ortlet_runs_total{session="b"} 0\n'));
  assert.ok(text.endsWith("# EOF\n"));
  const twice = (): string =>
    session.openmetrics([recorder.share(), recorder.share()], ["a", "a"], new Float64Array(18));
  assert.equal(details(twice).argument, "sessions");
  // The handles that were taken away were others.
  assert.equal(JSON.parse(recorder.report(load)).metrics.run_count, 4);
});

test("`int8` is a mode, and what is no mode or option is told by name", () => {
  const options = '{"min_weight_elements":0}';
  const [short, long] = ["int8", "int8-dynamic"].map((mode) => tools.quantize(model, mode, options));
  assert.equal(short.report(), long.report());
  assert.ok(JSON.parse(short.report()).quantized_count > 0);
  assert.deepEqual(short.take_model(), long.take_model());
  assert.equal(details(() => tools.quantize(model, "int7", options)).argument, "mode");
  assert.match(details(() => tools.quantize(model, "int8", '{"x":1}')).reason as string, /unknown field `x`/);
});

test("a calibrator watches in parts of bounded size and keeps what it saw", () => {
  const calibrator = new tools.Calibrator(model);
  const outputs: string[] = calibrator.shapes_outputs();
  const values = outputs.filter((_, at) => at % 2 === 0);
  assert.ok(values.length > 0 && JSON.parse(tools.describe(calibrator.shapes_model())).outputs.length > 0);
  for (const value of values) calibrator.sized(value, new Float64Array([5, 5]));
  calibrator.group(100);
  assert.equal(calibrator.part_count(), values.length);
  const names: string[] = [];
  for (let part = 0; part < calibrator.part_count(); part++) {
    const watched: string[] = calibrator.watched(part);
    const described = JSON.parse(tools.describe(calibrator.part(part)));
    assert.deepEqual(
      described.outputs.map((info: { name: string }) => info.name),
      watched,
    );
    names.push(...watched);
  }
  assert.deepEqual(names, values);
  const [name] = names as [string];
  calibrator.observe(name, "float32", new Float64Array([3]), bytes(-1.5, 0, 2.25));
  calibrator.observe("not watched", "float32", new Float64Array([1]), bytes(9));
  calibrator.end_sample();
  const calibration = calibrator.finish();
  const stored = calibration.to_bytes();
  const { sample_count, tensors } = JSON.parse(new TextDecoder().decode(stored));
  assert.deepEqual([sample_count, Object.keys(tensors)], [1, [name]]);
  assert.deepEqual(tools.Calibration.from_bytes(stored).to_bytes(), stored);
  assert.equal(details(() => new tools.Calibrator(model).finish()).argument, "samples");
});

test("a judge gives the figures of all samples", () => {
  const judge = new tools.Judge();
  const [expected, actual] = [
    [3, 4],
    [3, 4.5],
  ] as const;
  judge.begin();
  const shape = new Float64Array([1, 2]);
  judge.reference("y", "float32", shape, bytes(...expected));
  judge.candidate("y", "float32", shape, bytes(...actual));
  const texts = new TextEncoder().encode('["a", "\u00e9"]');
  judge.reference("s", "string", new Float64Array([2]), texts);
  judge.candidate("s", "string", new Float64Array([2]), texts);
  judge.end();
  const figures = JSON.parse(judge.figures());
  const dot = 3 * 3 + 4 * 4.5;
  const cosine = dot / (5 * Math.hypot(3, 4.5));
  // At most `1 - r² / 2`, with the error's share of the length.
  const similarity = Math.min(cosine, 1 - (0.5 / 5) ** 2 / 2);
  assert.ok(Math.abs(figures.min_cosine - similarity) < 1e-12, `${figures.min_cosine} is not ${similarity}`);
  assert.ok(Math.abs(figures.mean_cosine - (similarity + 1) / 2) < 1e-12);
  assert.deepEqual([figures.sample_count, figures.max_absolute_error, figures.top1_agreement], [1, 0.5, 1]);
  assert.match(
    tools.breach('{"min_cosine":0.9999,"mean_cosine":null}', judge.figures(), 1),
    /^minimum cosine is 0\.99/,
  );
  assert.equal(
    tools.breach(
      "{}",
      '{"sample_count":1,"min_cosine":1,"mean_cosine":1,"max_absolute_error":0,' +
        '"top1_agreement":null,"measure":null}',
      1,
    ),
    undefined,
  );
  assert.equal(details(() => tools.check_accuracy('{"min_cosine":2}')).argument, "accuracy.min_cosine");
});

test("samples are divided by chance, each into one part", () => {
  const parts = JSON.parse(tools.divide(20, 1)) as Record<string, number[]>;
  assert.deepEqual(Object.keys(parts), ["calibration", "selection", "verification"]);
  assert.deepEqual(
    Object.values(parts)
      .flat()
      .sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, at) => at),
  );
  assert.equal(tools.divide(20, 1), tools.divide(20, 1));
  assert.notEqual(tools.divide(20, 1), tools.divide(20, 2));
  assert.match(details(() => tools.divide(3, 1)).reason as string, /at least 4/);
});
