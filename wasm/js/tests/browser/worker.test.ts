/** What only workers can do: stop what computes, break down and begin anew, move memory. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { startChromium } from "./chromium.js";
import { magikaInput, magikaLabels } from "./magika.js";
import { withSite } from "./site.js";

const MAGIKA = "/real/magika/model.onnx";
const Y = [32, 18, 59, 54];

let browser: Browser;
before(async () => {
  browser = await startChromium();
});
after(() => browser.close());

describe("a run that would take years", () => {
  for (const by of ["signal", "deadline"]) {
    for (const source of ["url", "bytes"]) {
      test(`ends by its ${by}, and the session goes on (model: ${source})`, () =>
        withSite(browser, {}, async (site) => {
          const { value } = await site.visit("workers/endless", { by, source });
          assert.equal(value.long.code, by === "signal" ? "cancelled" : "deadline_exceeded");
          assert.equal(value.long.name, by === "signal" ? "AbortError" : "TimeoutError");
          if (by === "signal") assert.match(value.long.cause, /enough/);
          assert.equal(value.skipped.code, "deadline_exceeded");
          assert.deepEqual(value.waited, [3, 3]);
          assert.deepEqual(value.next, [3, 3]);
          const { metrics } = value.metrics;
          assert.equal(metrics.run_count, 4);
          assert.equal(metrics.in_flight_count, 0);
          assert.deepEqual(
            metrics.error_counts,
            by === "signal" ? { deadline_exceeded: 1, cancelled: 1 } : { deadline_exceeded: 2 },
          );
          // The run that was skipped never computed, the one that was stopped did.
          assert.equal(metrics.compute.count, 3);
          const path = "/models/repeat.onnx";
          assert.equal(site.server.methods(path).filter((method) => method === "GET").length, 1);
        }));
    }
  }

  test("keeps what was made of the model", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/endless", { by: "signal", source: "url", options: { cache: false } });
      assert.deepEqual(value.next, [3, 3]);
      assert.deepEqual(site.server.methods("/models/repeat.onnx"), ["GET"]);
      assert.equal(value.report.cache.outcome, "off");
    }));

  test("works under a strict policy and with threads", () =>
    withSite(browser, { strict: true, isolated: true }, async (site) => {
      const input = { by: "signal", source: "url", options: { threads: 2 } };
      const { value, violations } = await site.visit("workers/endless", input);
      assert.equal(value.report.engine.threads, 2);
      assert.deepEqual(value.next, [3, 3]);
      assert.deepEqual([...violations, ...site.server.violations], []);
    }));
});

describe("a session in a worker", () => {
  test("ends after the runs that were asked for", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/disposedMeanwhile");
      assert.deepEqual(value.first, [3, 3]);
      assert.equal(value.long.code, "deadline_exceeded");
      assert.deepEqual(value.last, [3, 3]);
      assert.equal(value.late.code, "invalid_argument");
    }));

  test("has a new worker after it broke down", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/crash");
      assert.equal(value.error.code, "runtime_failed");
      assert.match(value.error.message, /out of memory/);
      assert.deepEqual(value.y, [3, 3]);
      assert.equal(value.workers, 2);
      assert.deepEqual(value.metrics.metrics.error_counts, { runtime_failed: 1 });
    }));

  test("moves memory if it may", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/transfer");
      assert.deepEqual([value.first, value.second], [Y, Y]);
      assert.deepEqual([value.model, value.moved, value.kept], [0, 0, 24]);
    }));

  test("refuses memory that was moved before", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/movedTwice");
      assert.ok(["tensor_mismatch", "invalid_argument"].includes(value.error.code), value.error.code);
      assert.deepEqual(value.y, Y);
    }));

  test("is one of many", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/many", { count: 3 });
      assert.deepEqual(value, [Y, Y, Y]);
    }));

  test("leaves the page's timers alone while it loads", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/loadingMeanwhile", { url: MAGIKA });
      assert.ok(value.count > 10, `${value.count} ticks`);
      assert.notEqual(value.precision, null);
    }));

  test("asks a measure on the page", () =>
    withSite(browser, {}, async (site) => {
      const ids = await Promise.all(
        ["surface.toml", "core/src/error.rs", "core/Cargo.toml", "core/src/lib.rs"].map(magikaInput),
      );
      const { value } = await site.visit("workers/measured", { url: MAGIKA, ids });
      const labels = await magikaLabels();
      const seen = new Set(value.labels.map((label: number) => labels[label]));
      assert.ok(seen.size > 0 && [...seen].every((label) => label === "toml" || label === "rust"), [...seen].join());
      assert.equal(value.precision.accuracy.measure, 1);
    }));

  for (const phase of ["check", "quantize", "create"]) {
    test(`can be given up while it loads: ${phase}`, () =>
      withSite(browser, {}, async (site) => {
        const input = { phase, url: MAGIKA, options: { precision: "int8-dynamic" } };
        const { value } = await site.visit("workers/abortedIn", input);
        assert.equal(value.error?.code, "cancelled", value.phases.join());
        assert.match(value.error.cause, /enough in/);
      }));
  }

  test("can be closed while a new worker begins", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/disposedWhileStarting");
      assert.equal(value.code, "deadline_exceeded");
    }));

  test("never moves the memory of a binding", () =>
    withSite(browser, {}, async (site) => {
      const { value } = await site.visit("workers/boundMeanwhile");
      assert.deepEqual(value, [4, 40]);
    }));
});
