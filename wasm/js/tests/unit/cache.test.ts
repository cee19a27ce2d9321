/** The cache: what a second visit asks for, and that nothing about it makes a load fail. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Session, cacheClear, cacheEntries, type LoadOptions, type SessionReport, type Source } from "ortlet";
import { ModelServer } from "./model_server.js";
import { fixture, temporary } from "./places.js";

const bytes = await readFile(fixture("dense.onnx"));
const other = await readFile(fixture("linear.onnx"));
const sha256 = createHash("sha256").update(bytes).digest("hex");

async function load(source: Source, options: LoadOptions): Promise<SessionReport> {
  const session = await Session.load(source, options);
  const report = session.report();
  await session.dispose();
  return report;
}

test("with a digest, a second visit asks the server for nothing", async (t) => {
  const [server, cache] = [await ModelServer.start(t), await temporary(t)];
  server.serve("/model.onnx", bytes);
  const options: LoadOptions = { cache, sha256, precision: "int8" };
  const first = await load(server.url("/model.onnx"), options);
  assert.deepEqual([first.cache.outcome, first.cache.folder, first.warnings], ["stored", cache, []]);
  assert.deepEqual(server.takeAsked(), ["GET /model.onnx"]);
  const second = await load(server.url("/model.onnx"), options);
  assert.deepEqual([second.cache.outcome, second.cache.key], ["hit", first.cache.key]);
  assert.deepEqual(second.precision, first.precision);
  assert.deepEqual(server.takeAsked(), []);
  // Neither was it checked nor quantized again.
  assert.deepEqual([second.phases.check_ns, (second.phases as { quantize_ns?: number }).quantize_ns], [0, 0]);
});

test("a second visit asks whether the content has changed", async (t) => {
  const [server, cache] = [await ModelServer.start(t), await temporary(t)];
  for (const header of ["etag", "last-modified"]) {
    const path = `/${header}.onnx`;
    const [old, young] =
      header === "etag" ? ['"1"', '"2"'] : ["Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"];
    server.serve(path, bytes, { [header]: old });
    assert.equal((await load(server.url(path), { cache, dims: {} })).warnings.length, 0);
    server.takeAsked();
    assert.equal((await load(server.url(path), { cache })).cache.outcome, "hit");
    assert.deepEqual(server.takeAsked(), [`HEAD ${path}`]);
    server.serve(path, other, { [header]: young });
    await load(server.url(path), { cache });
    assert.deepEqual(server.takeAsked(), [`HEAD ${path}`, `GET ${path}`]);
    assert.equal((await load(server.url(path), { cache })).cache.outcome, "hit");
    assert.deepEqual(server.takeAsked(), [`HEAD ${path}`]);
  }
});

test("a server that says nothing of changes is asked for the content, which is not quantized again", async (t) => {
  const [server, cache] = [await ModelServer.start(t), await temporary(t)];
  server.serve("/model.onnx", bytes);
  await load(server.url("/model.onnx"), { cache, precision: "int8" });
  const second = await load(server.url("/model.onnx"), { cache, precision: "int8" });
  assert.equal(second.cache.outcome, "hit");
  assert.equal(server.takeAsked().filter((asked) => asked === "GET /model.onnx").length, 2);
});

test("a server that answers no HEAD is asked for the content", async (t) => {
  const [server, cache] = [await ModelServer.start(t), await temporary(t)];
  server.answer("/model.onnx", (request, response) => {
    if (request.method === "HEAD") response.writeHead(405).end();
    else response.writeHead(200, { etag: '"1"' }).end(bytes);
  });
  await load(server.url("/model.onnx"), { cache });
  assert.equal((await load(server.url("/model.onnx"), { cache })).cache.outcome, "hit");
  assert.deepEqual(server.takeAsked(), ["GET /model.onnx", "HEAD /model.onnx", "GET /model.onnx"]);
});

test("without a network, what was stored is used", async (t) => {
  const [server, cache] = [await ModelServer.start(t), await temporary(t)];
  server.serve("/model.onnx", bytes);
  const url = server.url("/model.onnx");
  await load(url, { cache });
  await server.stop();
  const offline = await load(url, { cache });
  assert.equal(offline.cache.outcome, "hit");
  assert.equal(offline.warnings.length, 1);
  assert.ok(offline.warnings[0]?.includes(url));
  // What was not stored is not made up.
  await assert.rejects(load(url, { cache, precision: "weights-8" }), { code: "io" });
});

test("other options are other entries", async (t) => {
  const cache = await temporary(t);
  const keys = new Set<string | null>();
  for (const precision of ["original", "int8-dynamic", "weights-8"] as const) {
    keys.add((await load(bytes, { cache, precision })).cache.key);
  }
  assert.equal(keys.size, 3);
  assert.equal((await load(bytes, { cache, precision: "int8" })).cache.outcome, "hit");
  const entries = await cacheEntries(cache);
  assert.deepEqual(entries.map((entry) => entry.precision).sort(), ["int8-dynamic", "original", "weights-8"]);
  assert.deepEqual(new Set(entries.map((entry) => entry.key)), keys);
  assert.equal((await cacheClear(cache)).length, 3);
  assert.deepEqual(await cacheEntries(cache), []);
});

test("a measure of the caller's is never cached", async (t) => {
  const cache = await temporary(t);
  const accuracy = { measure: () => 1, measureAtLeast: 1 };
  const report = await load(bytes, { cache, precision: "int8", accuracy });
  assert.equal(report.cache.outcome, "off");
  assert.match(report.warnings.join(), /function of the program/);
});

test("a damaged entry is noticed and made anew", async (t) => {
  const cache = await temporary(t);
  const options: LoadOptions = { cache, precision: "int8" };
  const { cache: stored, precision } = await load(bytes, options);
  const file = join(cache, `${stored.key}.entry`);
  const good = await readFile(file);
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(good);
    copy[at] = copy[at]! ^ 1;
    return copy;
  };
  const damages = {
    "a bit of the model": flipped(good.length - 10),
    "a bit of the magic": flipped(0),
    "a bit of the length": flipped(14),
    "a bit of the head": flipped(16),
    "the end is missing": good.subarray(0, good.length - 1),
    "all is missing": Buffer.alloc(0),
    "there is more": Buffer.concat([good, Buffer.from([0])]),
  };
  for (const [what, damaged] of Object.entries(damages)) {
    await writeFile(file, damaged);
    const healed = await load(bytes, options);
    assert.equal(healed.cache.outcome, "healed", what);
    assert.equal(healed.warnings.length, 1, what);
    assert.deepEqual(healed.precision?.verdict, precision?.verdict);
    assert.equal((await load(bytes, options)).cache.outcome, "hit", what);
  }
});

test("an entry that the engine does not take is made anew", async (t) => {
  const cache = await temporary(t);
  const { cache: stored } = await load(bytes, { cache });
  const file = join(cache, `${stored.key}.entry`);
  // A whole entry, with digests and all, of something that is no model.
  const nonsense = Buffer.from("nonsense");
  const digest = createHash("sha256").update(nonsense).digest("hex");
  const good = await readFile(file);
  const start = 16 + good.readUInt32LE(12);
  const head = JSON.parse(good.subarray(16, start).toString()) as { files: unknown[] };
  head.files = [{ path: "", bytes: nonsense.length, sha256: digest }];
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  await writeFile(file, Buffer.concat([good.subarray(0, 12), length, text, nonsense]));
  assert.equal((await load(bytes, { cache })).cache.outcome, "healed");
  assert.equal((await load(bytes, { cache })).cache.outcome, "hit");
});

test("a cache that cannot be is a warning", async (t) => {
  const folder = await temporary(t);
  const file = join(folder, "file");
  await writeFile(file, "in the way");
  const report = await load(bytes, { cache: join(file, "cache") });
  assert.deepEqual([report.cache.outcome, report.warnings.length], ["failed", 1]);
  await assert.rejects(cacheEntries(join(file, "cache")), { code: "unsupported" });
});

test("a cache that can neither be read nor written is a warning, and leaves nothing behind", async (t) => {
  const cache = await temporary(t);
  const { key } = (await load(bytes, { cache })).cache;
  await cacheClear(cache);
  // A folder in the place of the entry stands for a disk that is full or only to be read, whoever runs the test.
  await mkdir(join(cache, `${key}.entry`));
  const report = await load(bytes, { cache });
  assert.equal(report.cache.outcome, "failed");
  assert.ok(report.warnings.length >= 1);
  assert.deepEqual(await readdir(cache), [`${key}.entry`]);
});

test("loads at once do not get in each other's way", async (t) => {
  const [server, cache] = [await ModelServer.start(t), await temporary(t)];
  server.serve("/model.onnx", bytes, { etag: '"1"' });
  const loads = Array.from({ length: 4 }, () => load(server.url("/model.onnx"), { cache, precision: "int8" }));
  for (const report of await Promise.all(loads)) assert.deepEqual(report.warnings, []);
  assert.equal((await cacheEntries(cache)).length, 1);
  assert.deepEqual(
    (await readdir(cache)).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("entries of other versions go when something is stored, files of others stay", async (t) => {
  const cache = await temporary(t);
  const hash = "0".repeat(64);
  for (const name of [`0.0.1-model-${hash}.entry`, `0.0.1-address-${hash}.entry`, "diary.entry", "notes.txt"]) {
    await writeFile(join(cache, name), "x");
  }
  assert.deepEqual(
    (await cacheEntries(cache)).map((entry) => [entry.is_current, entry.model]),
    [[false, null]],
  );
  const { key } = (await load(bytes, { cache })).cache;
  assert.deepEqual((await readdir(cache)).sort(), [`${key}.entry`, "diary.entry", "notes.txt"].sort());
  await cacheClear(cache);
  assert.deepEqual((await readdir(cache)).sort(), ["diary.entry", "notes.txt"]);
});

test("a wrong digest is not stored", async (t) => {
  const [server, cache] = [await ModelServer.start(t), await temporary(t)];
  server.serve("/model.onnx", other);
  await assert.rejects(load(server.url("/model.onnx"), { cache, sha256 }), { code: "integrity" });
  assert.deepEqual(await readdir(cache), []);
});

test("external data is stored with the model", async (t) => {
  const [server, cache] = [await ModelServer.start(t), await temporary(t)];
  server.serve("/external.onnx", await readFile(fixture("external.onnx")), { etag: '"1"' });
  server.serve("/external.bin", await readFile(fixture("external.bin")), { etag: '"2"' });
  const options = { cache, externalData: { "external.bin": server.url("/external.bin") } };
  assert.equal((await load(server.url("/external.onnx"), options)).cache.outcome, "stored");
  server.takeAsked();
  assert.equal((await load(server.url("/external.onnx"), options)).cache.outcome, "hit");
  assert.deepEqual(server.takeAsked(), ["HEAD /external.onnx", "HEAD /external.bin"]);
});
