/** Applications made by bundlers, and one without any, run models under a strict policy, with and without threads. */

import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { startChromium } from "../browser/chromium.js";
import { application, byVite, byWebpack, viteServer } from "./builds.js";
import { assertComputes, open, serve } from "./page.js";

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

let browser: Browser;
before(async () => {
  browser = await startChromium();
});
after(() => browser.close());

/** The folder of the package beside an application that imports it by its address. */
async function withoutBundler(name: string): Promise<string> {
  const folder = await application(name);
  await cp(join(folder, "../../node_modules/ortlet"), join(folder, "ortlet"), { recursive: true });
  const app = await readFile(join(folder, "app.js"), "utf8");
  await writeFile(join(folder, "app.js"), app.replace('from "ortlet"', 'from "./ortlet/dist/index.js"'));
  return folder;
}

const MAKERS = { vite: byVite, webpack: byWebpack, plain: withoutBundler };

for (const [name, make] of Object.entries(MAKERS)) {
  describe(`an application by ${name}`, () => {
    let dist: string;
    before(async () => {
      dist = await make(name);
    });
    for (const isolated of [false, true]) {
      test(isolated ? "computes with threads" : "computes without threads", async () => {
        const server = await serve(dist, { isolated, strict: true });
        try {
          assertComputes(await open(browser, server.origin), isolated);
          assert.deepEqual(server.violations, []);
        } finally {
          await server.stop();
        }
      });
    }
  });
}

describe("Vite's server for development", () => {
  for (const isolated of [false, true]) {
    test(isolated ? "serves what computes with threads" : "serves what computes without threads", async () => {
      const server = await viteServer(`vite-${isolated}`, isolated ? ISOLATION : {});
      try {
        await server.listen();
        const [address] = server.resolvedUrls?.local ?? [];
        assert.ok(address);
        assertComputes(await open(browser, address.replace(/\/$/, "")), isolated);
      } finally {
        await server.close();
      }
    });
  }
});
