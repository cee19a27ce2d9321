/** Sessions in a browser, on the page and in a worker: results, errors, and what is asked of the network. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { startChromium } from "./chromium.js";
import { withSite } from "./site.js";

const Y = [32, 18, 59, 54];

let browser: Browser;
before(async () => {
  browser = await startChromium();
});
after(() => browser.close());

for (const where of ["page", "worker"] as const) {
  describe(`a session: ${where}`, () => {
    test("computes, tells what it is, and ends", () =>
      withSite(browser, {}, async (site) => {
        const { value } = await site.visit("basics/linear", { where });
        assert.deepEqual(value.y, Y);
        assert.deepEqual(value.shape, [2, 2]);
        assert.equal(value.dtype, "float32");
        assert.deepEqual(value.infos.inputs, [{ name: "x", kind: "tensor", dtype: "float32", shape: ["batch", 3] }]);
        assert.deepEqual(value.infos.outputs, [{ name: "y", kind: "tensor", dtype: "float32", shape: ["batch", 2] }]);
        assert.equal(value.report.engine.threads, 1);
        assert.equal(value.metrics.metrics.run_count, 1);
        assert.deepEqual(value.metrics.metrics.error_counts, {});
        assert.match(value.text, /lines/);
        assert.equal(value.after.code, "invalid_argument");
        assert.deepEqual(value.after.details.argument, "session");
        assert.equal(value.isDisposed, true);
        site.assertStaysAtHome();
      }));

    test("takes every kind of source", () =>
      withSite(browser, {}, async (site) => {
        const { value } = await site.visit("basics/sources", { where });
        assert.equal(Object.keys(value.results).length, 7);
        for (const [source, y] of Object.entries(value.results)) assert.deepEqual(y, Y, source);
        assert.equal(value.kept, true);
      }));

    test("finds wrong inputs and goes on", () =>
      withSite(browser, {}, async (site) => {
        const { value } = await site.visit("basics/wrongInputs", { where });
        const codes = value.errors.map((error: { code: string } | null) => error?.code);
        const [missing, other, more, type, shape, output] = codes;
        assert.deepEqual([other, more, output], ["not_found", "not_found", "not_found"]);
        assert.deepEqual([missing, type, shape], ["tensor_mismatch", "tensor_mismatch", "tensor_mismatch"]);
        assert.deepEqual(value.y, Y);
      }));

    test("refuses what is no model", () =>
      withSite(browser, {}, async (site) => {
        const { value } = await site.visit("basics/hostile", { where });
        const codes: string[] = value.map((error: { code: string } | null) => error?.code);
        const [empty, one, seven, half, almost, noise, page, missing, operator] = codes;
        for (const code of [empty, one, seven, half, almost, noise, page])
          assert.equal(code, "invalid_model", `${codes}`);
        assert.equal(missing, "io");
        assert.ok(operator === "unsupported" || operator === "runtime_failed", operator);
      }));

    test("binds memory for many runs", () =>
      withSite(browser, {}, async (site) => {
        const { value } = await site.visit("basics/binding", { where });
        assert.deepEqual(value.doubles, [
          [2, 20],
          [4, 40],
          [6, 60],
        ]);
        assert.deepEqual(value.same, [true, true, true]);
        assert.equal(value.after.code, "invalid_argument");
      }));

    test("has more threads where memory can be shared", () =>
      withSite(browser, { isolated: true }, async (site) => {
        const { value, isolated } = await site.visit("basics/linear", { where, options: { threads: 2 } });
        assert.equal(isolated, true);
        assert.equal(value.report.engine.threads, 2);
        assert.deepEqual(value.y, Y);
        site.assertStaysAtHome();
      }));

    test("works under a strict policy", () =>
      withSite(browser, { strict: true, isolated: true }, async (site) => {
        const options = { threads: 2, precision: "int8" };
        const { violations } = await site.visit("basics/linear", { where, options });
        assert.deepEqual(violations, []);
        assert.deepEqual(site.server.violations, []);
        site.assertStaysAtHome();
      }));

    test("gives back its memory", () =>
      withSite(browser, {}, async (site) => {
        // A worker takes its memory with it when it ends, but takes longer to start.
        const [count, warmUp] = where === "page" ? [200, 20] : [20, 5];
        const { value } = await site.visit("memory/cycles", { where, count, warmUp });
        const grown = value.after.heap - value.before.heap;
        assert.ok(grown < 2_000_000, `${count} loads left ${grown} bytes`);
        assert.ok(value.after.wasm <= value.before.wasm, `${JSON.stringify(value)}`);
        assert.equal(value.after.workers, 0);
      }));
  });
}
