/** What a browser asks of the network, and does without it: downloads, the cache, progress, giving up. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { startChromium } from "./chromium.js";
import { magikaInput, magikaLabels } from "./magika.js";
import { wanted, withSite } from "./site.js";

const URL_OF_LINEAR = "/models/linear.onnx";
const MAGIKA = "/real/magika/model.onnx";
const Y = [32, 18, 59, 54];

let browser: Browser;
before(async () => {
  browser = await startChromium();
});
after(() => browser.close());

for (const where of ["page", "worker"] as const) {
  describe(`the network: ${where}`, () => {
    test("is not asked for the model again if its digest is known", () =>
      withSite(browser, {}, async (site) => {
        const sha256 = await digest(join(wanted("ORTLET_TEST_MODELS"), "magika", "model.onnx"));
        const input = { where, url: MAGIKA, options: { sha256 }, ids: await magikaInput("surface.toml") };
        const first = await site.visit("basics/magika", input);
        const second = await site.visit("basics/magika", input);
        assert.equal((await magikaLabels())[first.value.best], "toml");
        assert.deepEqual(second.value.scores, first.value.scores);
        assert.equal(first.value.report.cache.outcome, "stored");
        assert.equal(second.value.report.cache.outcome, "hit");
        assert.deepEqual(site.server.methods(MAGIKA), ["GET"]);
        site.assertStaysAtHome();
      }));

    test("is only asked whether the model has changed if it is loaded by its URL", () =>
      withSite(browser, {}, async (site) => {
        await site.visit("basics/linear", { where });
        const { value } = await site.visit("basics/linear", { where });
        assert.equal(value.report.cache.outcome, "hit");
        assert.deepEqual(value.y, Y);
        assert.deepEqual(site.server.methods(URL_OF_LINEAR), ["GET", "HEAD"]);
      }));

    test("gives the new model once it has changed", () =>
      withSite(browser, {}, async (site) => {
        await site.visit("basics/linear", { where });
        site.server.replace(URL_OF_LINEAR, "/models/reciprocal.onnx");
        await assert.rejects(site.visit("basics/linear", { where }), /\bx\b/);
        assert.deepEqual(site.server.methods(URL_OF_LINEAR), ["GET", "HEAD", "GET"]);
      }));

    test("may be away at the second load", () =>
      withSite(browser, {}, async (site) => {
        site.server.controls.set("offline", () => site.server.drop("/models/"));
        const { value } = await site.visit("basics/again", { where, between: "offline" });
        assert.deepEqual(value.second.y, Y);
        assert.equal(value.second.report.cache.outcome, "hit");
        assert.match(value.second.report.warnings.join(), /cannot be reached/);
      }));

    test("is nothing but a failure without a stored model", () =>
      withSite(browser, {}, async (site) => {
        site.server.drop("/models/");
        const { value } = await site.visit("basics/failing", { where });
        assert.equal(value.code, "io");
      }));

    test("is not asked for a model with a known digest", () =>
      withSite(browser, {}, async (site) => {
        const sha256 = await digest(join(wanted("ORTLET_TEST_REPOSITORY"), "tests/conformance/fixtures/linear.onnx"));
        // The engine's own file is the browser's to keep, which a page has in memory and a worker asks for again.
        const leave =
          where === "page"
            ? () => void setImmediate(() => void site.server.stop())
            : () => site.server.drop("/models/");
        site.server.controls.set("away", leave);
        const { value } = await site.visit("basics/again", { where, options: { sha256 }, between: "away" });
        assert.deepEqual(value.second.y, Y);
        assert.equal(value.second.report.cache.outcome, "hit");
        assert.deepEqual(value.second.report.warnings, []);
        assert.deepEqual(site.server.methods(URL_OF_LINEAR), ["GET"]);
      }));

    test("brings something else than the digest says", () =>
      withSite(browser, {}, async (site) => {
        const { value } = await site.visit("basics/failing", { where, options: { sha256: "0".repeat(64) } });
        assert.equal(value.code, "integrity");
      }));

    test("has its progress told", () =>
      withSite(browser, {}, async (site) => {
        site.server.answers.set(MAGIKA, async (response, file) => {
          const bytes = await file();
          response.setHeader("Content-Length", bytes.length);
          await trickle(response, bytes);
          response.end();
        });
        const { value } = await site.visit("basics/progress", { where, url: MAGIKA });
        const downloads = value.filter((event: { phase: string }) => event.phase === "download");
        const size = (await readFile(join(wanted("ORTLET_TEST_MODELS"), "magika", "model.onnx"))).length;
        // How many there are in between depends on how busy the page is.
        assert.ok(downloads.length >= 2, `${downloads.length} events`);
        assert.equal(downloads[0].done, 0);
        assert.equal(downloads.at(-1).done, size);
        assert.equal(downloads.at(-1).total, size);
        assert.equal(downloads.at(-1).fraction, 1);
        for (let at = 1; at < downloads.length; at += 1) assert.ok(downloads[at].done >= downloads[at - 1].done);
        assert.ok(value.some((event: { phase: string }) => event.phase === "create"));
      }));

    test("is left alone once the caller gives up", () =>
      withSite(browser, {}, async (site) => {
        let gone: () => void = () => undefined;
        const closed = new Promise<void>((resolve) => (gone = resolve));
        site.server.answers.set(MAGIKA, async (response, file) => {
          const bytes = await file();
          response.setHeader("Content-Length", bytes.length);
          response.on("close", gone);
          await trickle(response, bytes.subarray(0, 1_000_000));
        });
        site.server.controls.set("given-up", () => closed);
        const { value } = await site.visit("basics/abortDownload", { where, url: MAGIKA });
        assert.equal(value.name, "AbortError");
        assert.equal(value.code, "cancelled");
        assert.match(value.cause, /changed my mind/);
      }));

    test("is not asked for anything if the caller gave up before", () =>
      withSite(browser, {}, async (site) => {
        const { value } = await site.visit("basics/abortedBefore", { where });
        assert.equal(value.code, "cancelled");
        assert.equal(value.cause, "never");
        assert.deepEqual(site.server.methods(URL_OF_LINEAR), []);
      }));

    test("breaks off in the middle of a model", () =>
      withSite(browser, {}, async (site) => {
        site.server.answers.set(MAGIKA, async (response, file) => {
          const bytes = await file();
          response.setHeader("Content-Length", bytes.length);
          response.write(bytes.subarray(0, 1_000_000), () => response.destroy());
        });
        const { value } = await site.visit("basics/failing", { where, url: MAGIKA });
        assert.equal(value.code, "io");
        site.server.answers.delete(MAGIKA);
        const again = await site.visit("basics/magika", { where, url: MAGIKA, ids: await magikaInput("surface.toml") });
        assert.equal(again.value.report.cache.outcome, "stored");
      }));

    test("serves two tabs at once", () =>
      withSite(browser, {}, async (site) => {
        const input = { where, url: MAGIKA, ids: await magikaInput("surface.toml") };
        const [one, other] = await Promise.all([
          site.visit("basics/magika", input),
          site.visit("basics/magika", input),
        ]);
        assert.deepEqual(one.value.scores, other.value.scores);
        const third = await site.visit("basics/magika", input);
        assert.equal(third.value.report.cache.outcome, "hit");
        assert.deepEqual(third.value.scores, one.value.scores);
      }));
  });
}

/** Writes in pieces with pauses, after each of which there is progress to be told. */
async function trickle(response: ServerResponse, bytes: Buffer): Promise<void> {
  const size = Math.ceil(bytes.length / 5);
  for (let at = 0; at < bytes.length && !response.closed; at += size) {
    response.write(bytes.subarray(at, at + size));
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

async function digest(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}
