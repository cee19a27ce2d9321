/** What the package declares: these assertions are the compiler's; running the file checks that the names exist. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { expectTypeOf } from "expect-type";
import * as ortlet from "ortlet";
import * as core from "ortlet/core";
import {
  calibrate,
  choosePrecision,
  createWorkerSession,
  metricsText,
  Model,
  type OrtletError,
  quantize,
  Session,
  Tensor,
  type WorkerSession,
  type Binding,
  type Calibration,
  type DType,
  type ErrorCode,
  type Inputs,
  type LoadOptions,
  type MetricsReport,
  type ModelReport,
  type PrecisionChoice,
  type PrecisionReport,
  type Progress,
  type QuantizeReport,
  type RunOptions,
  type SessionLike,
  type SessionReport,
  type Source,
  type ValueInfo,
} from "ortlet";

/** Only compiled. */
function compiled(..._parts: readonly unknown[]): void {}

test("every name of `ortlet` is in `ortlet/core`", () => {
  assert.deepEqual(Object.keys(core).sort(), Object.keys(ortlet).sort());
});

compiled(async () => {
  expectTypeOf(Session.load).parameters.toEqualTypeOf<[source: Source, options?: LoadOptions | undefined]>();
  expectTypeOf(Session.load).returns.resolves.toEqualTypeOf<Session>();
  expectTypeOf(createWorkerSession).returns.resolves.toEqualTypeOf<WorkerSession>();
  expectTypeOf<string | URL | Request | Response | ArrayBuffer | Uint8Array | Blob | Model>().toExtend<Source>();
  expectTypeOf<number>().not.toExtend<Source>();

  expectTypeOf<Session>().toExtend<SessionLike>();
  expectTypeOf<WorkerSession>().toExtend<SessionLike>();
  expectTypeOf<Session>().toExtend<AsyncDisposable>();
  expectTypeOf<WorkerSession>().toExtend<AsyncDisposable>();
  await using session: SessionLike & AsyncDisposable = await Session.load("model.onnx");
  expectTypeOf(session.inputs).toEqualTypeOf<readonly ValueInfo[]>();
  expectTypeOf(session.isDisposed).toEqualTypeOf<boolean>();
  expectTypeOf(session.dispose()).resolves.toEqualTypeOf<void>();
  // @ts-expect-error sessions are made by `load`
  new Session();
});

compiled(async (session: SessionLike) => {
  expectTypeOf(session.run).parameters.toEqualTypeOf<[inputs: Inputs, options?: RunOptions | undefined]>();
  const outputs = await session.run({ x: new Float32Array(3), y: [[1, 2]], z: 1n, text: ["a"], none: undefined });
  expectTypeOf(outputs).toEqualTypeOf<Record<string, Tensor>>();
  await session.run({ x: { shape: [1, 3], data: [1, 2, 3] }, y: { dtype: "int64", shape: [1], data: [1n] } });
  await session.run({ x: { type: "float32", dims: [1], data: new Float32Array(1) } });
  await session.run({}, { deadlineMs: 5, signal: new AbortController().signal, outputs: ["a"], transfer: true });
  // @ts-expect-error there is no such option
  await session.run({}, { deadline: 5 });
  // @ts-expect-error functions are no tensors
  await session.run({ x: () => 1 });
});

compiled(() => {
  expectTypeOf<Tensor<"float32">["data"]>().toEqualTypeOf<Float32Array>();
  expectTypeOf<Tensor<"int64">["data"]>().toEqualTypeOf<BigInt64Array>();
  expectTypeOf<Tensor<"uint64">["data"]>().toEqualTypeOf<BigUint64Array>();
  expectTypeOf<Tensor<"int32">["data"]>().toEqualTypeOf<Int32Array>();
  expectTypeOf<Tensor<"bool">["data"]>().toEqualTypeOf<Uint8Array>();
  expectTypeOf<Tensor<"string">["data"]>().toEqualTypeOf<string[]>();
  expectTypeOf<Uint16Array>().toExtend<Tensor<"float16">["data"]>();
  expectTypeOf<Tensor<"int64">["item"]>().returns.toEqualTypeOf<bigint>();
  expectTypeOf<Tensor<"bool">["item"]>().returns.toEqualTypeOf<boolean>();
  expectTypeOf<Tensor<"string">["item"]>().returns.toEqualTypeOf<string>();
  expectTypeOf(new Tensor("int64", [1n], [1])).toEqualTypeOf<Tensor<"int64">>();
  expectTypeOf<Tensor["dtype"]>().toEqualTypeOf<DType>();
  expectTypeOf<Tensor["shape"]>().toEqualTypeOf<readonly number[]>();
  // @ts-expect-error the array is another type's
  new Tensor("float32", new Int32Array(1), [1]);
  // @ts-expect-error there is no such type
  new Tensor("float", [1], [1]);
});

compiled(async (source: Source) => {
  const accuracy = { meanCosine: 0.999, minCosine: null, maxAbsoluteError: 1, top1Agreement: 0.9 };
  const samples = [{ x: new Float32Array(3) }];
  await Session.load(source, { precision: "auto", samples, accuracy, timeLimitMs: 1000 });
  await Session.load(source, { threads: "auto", dims: { batch: 1 }, optimizationLevel: "all", warmUpRuns: 1 });
  await Session.load(source, {
    cache: "name",
    sha256: "0".repeat(64),
    requestInit: { mode: "cors" },
    startTimeoutMs: 1,
  });
  await Session.load(source, { externalData: { "model.onnx.data": new Uint8Array() }, providers: ["wasm"] });
  await Session.load(source, { onProgress: (progress) => expectTypeOf(progress).toEqualTypeOf<Progress>() });
  // @ts-expect-error there is no such option
  await Session.load(source, { thread: 1 });
  // @ts-expect-error there is no such precision
  await Session.load(source, { precision: "int7" });
  // @ts-expect-error there is no such level
  await Session.load(source, { optimizationLevel: "most" });
  // @ts-expect-error there is no such measure
  await Session.load(source, { accuracy: { cosine: 0.9 } });
  // @ts-expect-error a worker has an engine of its own
  await createWorkerSession(source, { engine: () => import("onnxruntime-web") });
  await core.Session.load(source, { engine: () => import("onnxruntime-web") });
});

compiled((report: SessionReport, metrics: MetricsReport, model: ModelReport) => {
  expectTypeOf(report.phases.download_ns).toEqualTypeOf<number>();
  expectTypeOf(report.phases.quantize_ns).toEqualTypeOf<number>();
  expectTypeOf(report.phases.first_run_ns).toEqualTypeOf<number | null>();
  expectTypeOf(report.cache.outcome).toEqualTypeOf<"off" | "hit" | "stored" | "healed" | "failed">();
  expectTypeOf(report.precision).toEqualTypeOf<PrecisionReport | null>();
  expectTypeOf(report.engine).toEqualTypeOf<{ readonly version: string; readonly threads: number }>();
  expectTypeOf(report.warnings).toEqualTypeOf<readonly string[]>();
  expectTypeOf(metrics.metrics.load).toEqualTypeOf<SessionReport["phases"]>();
  expectTypeOf(metrics.metrics.run_count).toEqualTypeOf<number>();
  expectTypeOf(metrics.compute!.p99_ns).toEqualTypeOf<number>();
  expectTypeOf(metrics.metrics.compute.buckets[0]!.count).toEqualTypeOf<number>();
  expectTypeOf(model.op_type_counts).toExtend<Readonly<Record<string, number>>>();
  // @ts-expect-error reports are read, not written
  report.warnings.push("");
  // @ts-expect-error fields are named as in every language
  report.phases.downloadNs;
});

compiled(async (session: Session) => {
  const binding = await session.bind({ shapes: { x: [1, 3] }, ties: { yN: "y" } });
  expectTypeOf(binding).toEqualTypeOf<Binding>();
  expectTypeOf(binding.inputs).toExtend<Readonly<Record<string, Tensor>>>();
  expectTypeOf(binding.run).returns.resolves.toEqualTypeOf<Record<string, Tensor>>();
  // @ts-expect-error a binding's outputs are chosen when it is made
  await binding.run({ outputs: ["y"] });
  expectTypeOf(metricsText).parameter(0).toExtend<Readonly<Record<string, SessionLike>>>();
  expectTypeOf(metricsText({ a: session })).toEqualTypeOf<string>();
});

compiled(async (source: Source) => {
  const model = await Model.open(source);
  expectTypeOf(model.bytes).toExtend<Uint8Array>();
  expectTypeOf(model.report()).resolves.toEqualTypeOf<ModelReport>();
  const calibration = await calibrate(model, [{ x: [1] }]);
  expectTypeOf(calibration).toEqualTypeOf<Calibration>();
  const quantized = await quantize(model, { mode: "int8-static", calibration });
  expectTypeOf(quantized.model).toEqualTypeOf<Model>();
  expectTypeOf(quantized.report).toEqualTypeOf<QuantizeReport>();
  const chosen = await choosePrecision(model, { precision: "auto", samples: [{ x: [1] }], seed: 3, timeLimitMs: 1 });
  expectTypeOf(chosen.report).toEqualTypeOf<PrecisionReport>();
  expectTypeOf(choosePrecision(model)).resolves.toEqualTypeOf<PrecisionChoice>();
  // @ts-expect-error a seed is a number
  await choosePrecision(model, { seed: "3" });
  // @ts-expect-error there is no such mode
  await quantize(model, { mode: "int7" });
});

compiled((error: OrtletError) => {
  expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
  expectTypeOf(error).toExtend<Error>();
  expectTypeOf<"deadline_exceeded" | "cancelled" | "tensor_mismatch">().toExtend<ErrorCode>();
  // @ts-expect-error there is no such code
  if (error.code === "timeout") return;
});
