/** Files of the package that are missing or forbidden: errors in good time, never a page that hangs. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { startChromium } from "./chromium.js";
import type { Headers } from "./server.js";
import { withSite } from "./site.js";

const ENGINE = ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"].map(
  (name) => `/package/dist/onnxruntime/${name}`,
);
const SESSION = "/package/dist/wasm/ortlet_session.wasm";
const WORKER = "/package/dist/worker.js";

let browser: Browser;
before(async () => {
  browser = await startChromium();
});
after(() => browser.close());

for (const where of ["page", "worker"] as const) {
  describe(`without a file: ${where}`, () => {
    for (const path of ENGINE) {
      test(`${path} is an error`, () => fails({ where, missing: path, code: "runtime_failed" }));
    }
    test(`${SESSION} is an error`, () => fails({ where, missing: SESSION, code: "io" }));

    test("WebAssembly that is forbidden is an error, and a violation that is seen", () =>
      withSite(browser, { policy: "default-src 'self'; script-src 'self'; report-uri /violations" }, async (site) => {
        const reported = new Promise<void>((resolve) => (site.server.onViolation = resolve));
        const { value } = await site.visit("basics/failing", { where });
        assert.equal(typeof value?.code, "string", JSON.stringify(value));
        // That tests of the strict policy would see a violation in a worker as well.
        await reported;
      }));

    test("an engine that never answers is an error", () =>
      withSite(browser, {}, async (site) => {
        site.server.answers.set(ENGINE[1] as string, () => undefined);
        const { value } = await site.visit("basics/failing", { where, options: { startTimeoutMs: 1500 } });
        assert.equal(value?.code, "runtime_failed");
      }));
  });
}

describe("without the worker's file", () => {
  test("there is an error", () => fails({ where: "worker", missing: WORKER, code: "runtime_failed" }));

  test("there is an error if the policy forbids it", () => {
    const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'none'";
    return fails({ where: "worker", headers: { policy }, code: "runtime_failed" });
  });

  test("there is an error if it never comes", () =>
    withSite(browser, {}, async (site) => {
      site.server.answers.set(WORKER, () => undefined);
      const { value } = await site.visit("basics/failing", { where: "worker", options: { startTimeoutMs: 500 } });
      assert.equal(value?.code, "runtime_failed");
      assert.match(value.message, /500 ms/);
    }));
});

interface Case {
  readonly where: string;
  readonly missing?: string;
  readonly headers?: Headers;
  readonly code?: string;
}

/** A load has to fail, with this code if there is one. */
function fails({ where, missing, headers = {}, code }: Case): Promise<void> {
  return withSite(browser, headers, async (site) => {
    if (missing !== undefined) site.server.answers.set(missing, (response) => response.writeHead(404).end());
    const { value } = await site.visit("basics/failing", { where });
    assert.notEqual(value, null, "the load succeeded");
    assert.equal(typeof value.code, "string", JSON.stringify(value));
    if (code !== undefined) assert.equal(value.code, code, value.message);
  });
}
