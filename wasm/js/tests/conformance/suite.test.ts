/** The conformance suite that all languages share, and what its runner itself has to hold to. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "node:path";
import { Session } from "ortlet";
import { Skipped, Wrong, allCases, expectedCodes, files, type Case, type Expect } from "./cases.js";
import { FIXTURES } from "./places.js";
import { run } from "./runner.js";

const ALL = allCases();
/**
 * Codes that no case of the suite can provoke here: the engine ships with the package, and damaged artifacts would first
 * have to be written. `integrity` has tests of its own, by wrong digests.
 */
const UNREACHABLE = ["internal", "runtime_not_found", "runtime_incompatible", "integrity"];
const CODES = (
  "invalid_argument invalid_model unsupported tensor_mismatch not_found io runtime_failed deadline_exceeded " +
  "cancelled pool_exhausted accuracy_budget limit_exceeded"
).split(" ");
/** No case takes a tenth of it. */
const LONGEST_MS = 60_000;
const leftOut = new Set<string>();

// The first load settles the engine's threads for the whole process, and the cases that name a number name 1.
await (await Session.load(join(FIXTURES, "linear.onnx"), { threads: 1 })).dispose();

for (const [file, one] of ALL) {
  void test(`${file}: ${one.name}`, { timeout: LONGEST_MS }, async (context) => {
    try {
      await run(one);
    } catch (error) {
      if (!(error instanceof Skipped)) throw error;
      leftOut.add(one.name);
      context.skip(error.message);
    }
  });
}

void test("every error code is expected by a case that ran", () => {
  const ran = ALL.filter(([, one]) => !leftOut.has(one.name));
  const codes = new Set(ran.flatMap(([, one]) => expectedCodes(one)));
  assert.deepEqual([...codes].filter((code) => !UNREACHABLE.includes(code)).sort(), [...CODES].sort());
});

void test("every file is run and every name is the only one", () => {
  assert.deepEqual([...new Set(ALL.map(([file]) => file))], files());
  assert.ok(ALL.length >= 236);
  assert.equal(new Set(ALL.map(([, one]) => one.name)).size, ALL.length);
});

const int64 = (number: number, dtype = "int64") => ({ dtype, shape: [1], data: [number] });

/** A case of this file's own, with an expectation. */
const ofSums = (expect: Expect): Case => ({
  name: "own",
  operation: "load",
  fixture: "two_outputs.onnx",
  inputs: { a: int64(2), b: int64(3) },
  expect,
});

const RIGHT: Expect[] = [
  {},
  { outputs: { sum: int64(5), product: int64(6) } },
  { output_names: ["sum", "product"] },
  { json: { "/origin": "model", "/phases/total_ns": { $at_least: 1 }, "/none": { $present: false } } },
];

RIGHT.forEach((expect, at) => void test(`what is so is found so: ${at}`, () => run(ofSums(expect))));

const WRONG: Record<string, Expect> = {
  "another element": { outputs: { sum: int64(5), product: int64(7) } },
  "another type": { outputs: { sum: int64(5, "int32"), product: int64(6) } },
  "another shape": { outputs: { sum: { ...int64(5), shape: [] }, product: int64(6) } },
  "an output more": { outputs: { sum: int64(5) } },
  "an output less": { outputs: { sum: int64(5), product: int64(6), quotient: int64(0) } },
  "another order": { output_names: ["product", "sum"] },
  "another fact": { json: { "/origin": "artifact" } },
  "an absent fact": { json: { "/none": { $present: true } } },
  "too small a number": { json: { "/phases/total_ns": { $at_most: 1 } } },
  "another length": { json: { "/warnings": { $length: 1 } } },
  "a line that is not there": { lines: ["# EOF"] },
  "an error where there is none": { error: { code: "io" } },
  "an unknown property": { json: { "/origin": { $like: "m" } } },
};

for (const [what, expect] of Object.entries(WRONG)) {
  void test(`what is wrong is noticed: ${what}`, () => assert.rejects(run(ofSums(expect)), Wrong));
}

const failing = (error: Expect["error"]): Case => ({
  ...ofSums(error === undefined ? {} : { error }),
  inputs: { a: int64(2) },
});

void test("a wrong error is noticed", async () => {
  await run(failing({ code: "tensor_mismatch", details: { "/tensor": "b" }, message_contains: ["nothing"] }));
  await assert.rejects(run(failing({ code: "io" })), Wrong);
  await assert.rejects(run(failing({ code: "tensor_mismatch", details: { "/tensor": "a" } })), Wrong);
  await assert.rejects(run(failing({ code: "tensor_mismatch", message_contains: ["everything"] })), Wrong);
  await assert.rejects(run(failing(undefined)), Wrong);
});

void test("mistakes in cases are noticed", async () => {
  const own = ofSums({});
  await assert.rejects(run({ ...own, expects: {} } as Case), Wrong);
  await assert.rejects(run({ ...own, operation: "walk" }), Wrong);
  await assert.rejects(run({ ...own, process: "old" }), Wrong);
  await assert.rejects(run({ ...own, prepare: [{ paint: {} }] }), Wrong);
  await assert.rejects(run({ ...own, expect: { output: {} } as Expect }), Wrong);
});

void test("a case is only left out where it says so", async () => {
  const own = ofSums({ error: { code: "io" } });
  await assert.rejects(run({ ...own, may_skip: "typescript: no reason" }), Skipped);
  await assert.rejects(run({ ...own, may_skip: "python: no reason" }), Wrong);
  await assert.rejects(run({ ...own, prepare: [{ compile: { fixture: "linear.onnx", to: "{temp}/a" } }] }), Wrong);
});
