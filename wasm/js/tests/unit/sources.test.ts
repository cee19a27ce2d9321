/** Where models may come from, and what is said if nothing comes. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { Model, OrtletError, Session, type LoadOptions, type Progress, type Source } from "ortlet";
import { ModelServer } from "./model_server.js";
import { fixture, temporary } from "./places.js";

const bytes = await readFile(fixture("linear.onnx"));
const digest = createHash("sha256").update(bytes).digest("hex");

/** The first output for inputs of ones, for what all sources have in common. */
async function outputs(source: Source, options: LoadOptions = {}): Promise<unknown> {
  const session = await Session.load(source, { cache: false, ...options });
  try {
    const inputs = Object.fromEntries(
      session.inputs.map(({ name, shape }) => {
        const sizes = (shape ?? []).map((size) => (typeof size === "number" ? size : 1));
        const data = new Float32Array(sizes.reduce((product, size) => product * size, 1)).fill(1);
        return [name, { dtype: "float32" as const, shape: sizes, data }];
      }),
    );
    return Object.values(await session.run(inputs)).map((tensor) => tensor.toNested());
  } finally {
    await session.dispose();
  }
}

async function failure(source: Source, options: LoadOptions = {}): Promise<OrtletError> {
  try {
    await Session.load(source, { cache: false, ...options });
  } catch (error) {
    assert.ok(error instanceof OrtletError, String(error));
    return error;
  }
  throw new Error("it should have failed");
}

async function served(test: TestContext, headers: Record<string, string> = {}): Promise<ModelServer> {
  const server = await ModelServer.start(test);
  server.serve("/model.onnx", bytes, headers);
  return server;
}

test("every kind of source gives the same model", async (t) => {
  const server = await served(t);
  const url = server.url("/model.onnx");
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const sources: Record<string, () => Source | Promise<Source>> = {
    path: () => fixture("linear.onnx"),
    "file URL": () => pathToFileURL(fixture("linear.onnx")),
    "text of a file URL": () => pathToFileURL(fixture("linear.onnx")).href,
    address: () => url,
    URL: () => new URL(url),
    Request: () => new Request(url),
    Response: () => fetch(url),
    "data URL": () => `data:application/octet-stream;base64,${bytes.toString("base64")}`,
    ArrayBuffer: () => new Uint8Array(bytes).buffer,
    "a view with an offset": () => shifted.subarray(3),
    DataView: () => new DataView(shifted.buffer, 3),
    "shared memory": () => shared,
    Blob: () => new Blob([bytes]),
    File: () => new File([bytes], "model.onnx"),
    ReadableStream: () => new Blob([bytes]).stream(),
    Model: () => Model.open(bytes),
  };
  const expected = await outputs(bytes);
  for (const [kind, source] of Object.entries(sources)) {
    await t.test(kind, async () => assert.deepEqual(await outputs(await source()), expected));
  }
});

test("what is no source says what one is", async () => {
  for (const wrong of [undefined, null, 7, {}, []]) {
    const error = await failure(wrong as never);
    assert.equal(error.code, "invalid_argument");
    assert.match(error.message, /Blob/);
  }
  assert.equal((await failure(new Uint8Array())).code, "invalid_model");
});

test("progress begins at nothing and ends with everything", async (t) => {
  const server = await served(t);
  const told: Progress[] = [];
  await outputs(server.url("/model.onnx"), { onProgress: (progress) => void told.push(progress) });
  const downloads = told.filter((progress) => progress.phase === "download");
  assert.deepEqual(downloads[0], { phase: "download", done: 0, total: bytes.length, fraction: 0 });
  assert.deepEqual(downloads.at(-1), { phase: "download", done: bytes.length, total: bytes.length, fraction: 1 });
  const phases = new Set(told.map((progress) => progress.phase));
  assert.deepEqual([...phases], ["download", "check", "create"]);
});

test("of compressed content the size is not known, and no wrong one is told", async (t) => {
  const server = await ModelServer.start(t);
  // Padding makes the compressed size much smaller than the content.
  const padded = Buffer.concat([bytes, unknownField(100_000)]);
  server.serve("/model.onnx", gzipSync(padded), { "content-encoding": "gzip" });
  const told: Progress[] = [];
  await outputs(server.url("/model.onnx"), { onProgress: (progress) => void told.push(progress) });
  const downloads = told.filter((progress) => progress.phase === "download");
  assert.equal(downloads[0]?.total, undefined);
  assert.deepEqual(downloads.at(-1), { phase: "download", done: padded.length, total: padded.length, fraction: 1 });
});

/** A field that no version of ONNX has, of so many zeros: protobuf skips it. */
function unknownField(size: number): Buffer {
  const length = Buffer.from([(size & 127) | 128, ((size >> 7) & 127) | 128, size >> 14]);
  return Buffer.concat([Buffer.from([0xfa, 0x3f]), length, Buffer.alloc(size)]);
}

test("what a progress function throws ends the load", async (t) => {
  const server = await served(t);
  const oops = new Error("oops");
  const onProgress = (): never => {
    throw oops;
  };
  await assert.rejects(Session.load(server.url("/model.onnx"), { cache: false, onProgress }), oops);
});

test("content without a length, in pieces, arrives whole", async (t) => {
  const server = await ModelServer.start(t);
  server.answer("/model.onnx", (_, response) => {
    for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
    response.end();
  });
  assert.deepEqual(await outputs(server.url("/model.onnx")), await outputs(bytes));
});

test("an abort ends the download at once", async (t) => {
  const server = await ModelServer.start(t);
  const abort = new AbortController();
  const closed = new Promise((resolve) => {
    server.answer("/model.onnx", (request, response) => {
      response.writeHead(200, { "content-length": 1e6 });
      response.write(bytes);
      request.socket.on("close", resolve);
      setImmediate(() => abort.abort("enough"));
    });
  });
  const error = await failure(server.url("/model.onnx"), { signal: abort.signal });
  assert.deepEqual([error.code, error.name, error.cause], ["cancelled", "AbortError", "enough"]);
  await closed;
});

test("an abort before the load asks for nothing", async (t) => {
  const server = await served(t);
  const error = await failure(server.url("/model.onnx"), { signal: AbortSignal.abort() });
  assert.equal(error.code, "cancelled");
  assert.deepEqual(server.asked, []);
});

test("an abort also ends reading what the caller asked for", async () => {
  const abort = new AbortController();
  const pieces = [bytes.subarray(0, 5)];
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece !== undefined) controller.enqueue(piece);
      else setImmediate(() => abort.abort());
      return piece === undefined ? new Promise(() => undefined) : undefined;
    },
  });
  assert.equal((await failure(stream, { signal: abort.signal })).code, "cancelled");
});

test("the signal of `requestInit` ends the download too", async (t) => {
  const server = await ModelServer.start(t);
  const abort = new AbortController();
  server.answer("/model.onnx", () => abort.abort());
  const options = { requestInit: { signal: abort.signal }, signal: new AbortController().signal };
  assert.equal((await failure(server.url("/model.onnx"), options)).code, "cancelled");
});

test("a digest is checked", async (t) => {
  const server = await served(t);
  const url = server.url("/model.onnx");
  await outputs(url, { sha256: digest });
  await outputs(bytes, { sha256: digest.toUpperCase() });
  const wrong = "0".repeat(64);
  const error = await failure(url, { sha256: wrong });
  assert.equal(error.code, "integrity");
  assert.ok(error.message.includes(digest) && error.message.includes(wrong) && error.message.includes(url));
  assert.equal((await failure(bytes, { sha256: "abc" })).code, "invalid_argument");
});

test("a server that has no such file is named with its status", async (t) => {
  const server = await served(t);
  const error = await failure(server.url("/other.onnx"));
  assert.equal(error.code, "io");
  assert.ok(error.message.includes("404") && error.message.includes(server.url("/other.onnx")), error.message);
  assert.equal(error.details.path, server.url("/other.onnx"));
});

test("a server that is not there is an io error", async (t) => {
  const server = await ModelServer.start(t);
  const url = server.url("/model.onnx");
  await server.stop();
  const error = await failure(url);
  assert.equal(error.code, "io");
  assert.match(error.message, /ECONNREFUSED/);
});

test("a download that breaks off is an io error, with a length and without", async (t) => {
  const server = await ModelServer.start(t);
  const breakOff = (headers: Record<string, number>) => (_: unknown, response: import("node:http").ServerResponse) => {
    response.writeHead(200, headers);
    response.write(bytes.subarray(0, 20), () => response.destroy());
  };
  server.answer("/long.onnx", breakOff({ "content-length": bytes.length }));
  server.answer("/open.onnx", breakOff({}));
  for (const path of ["/long.onnx", "/open.onnx"]) assert.equal((await failure(server.url(path))).code, "io");
});

test("a page in the place of a model is told from a broken model", async (t) => {
  const server = await ModelServer.start(t);
  server.serve("/page", Buffer.from("\n<!DOCTYPE html><html></html>"), { "content-type": "text/html" });
  server.serve("/plain", Buffer.from("<html><body>no</body></html>"));
  server.serve("/broken", Buffer.from([1, 2, 3, 4]));
  for (const path of ["/page", "/plain"]) {
    const error = await failure(server.url(path));
    assert.equal(error.code, "invalid_model");
    assert.match(error.message, /web page instead of a model/);
  }
  const broken = await failure(server.url("/broken"));
  assert.equal(broken.code, "invalid_model");
  assert.doesNotMatch(broken.message, /web page/);
});

test("a pointer of Git LFS is told", async (t) => {
  const path = join(await temporary(t), "model.onnx");
  await writeFile(path, `version https://git-lfs.github.com/spec/v1\noid sha256:${digest}\nsize 1\n`);
  const error = await failure(path);
  assert.equal(error.code, "invalid_model");
  assert.match(error.message, /git lfs pull/);
});

test("redirects are followed", async (t) => {
  const server = await served(t);
  server.answer("/old.onnx", (_, response) => response.writeHead(302, { location: "/model.onnx" }).end());
  assert.deepEqual(await outputs(server.url("/old.onnx")), await outputs(bytes));
});

test("requestInit reaches the server", async (t) => {
  const server = await ModelServer.start(t);
  server.answer("/model.onnx", (request, response) => {
    response.writeHead(request.headers.authorization === "Bearer x" ? 200 : 401).end(bytes);
  });
  await outputs(server.url("/model.onnx"), { requestInit: { headers: { authorization: "Bearer x" } } });
  assert.match((await failure(server.url("/model.onnx"))).message, /HTTP 401/);
});

test("an answer that was read before cannot be read again", async (t) => {
  const server = await served(t);
  const answer = await fetch(server.url("/model.onnx"));
  await answer.arrayBuffer();
  assert.equal((await failure(answer)).code, "invalid_argument");
});

test("a missing file is not found", async () => {
  const error = await failure(fixture("no_such_model.onnx"));
  assert.deepEqual([error.code, error.details.name], ["not_found", fixture("no_such_model.onnx")]);
});

test("external data comes from sources of its own", async (t) => {
  const server = await ModelServer.start(t);
  const data = await readFile(fixture("external.bin"));
  server.serve("/external.bin", data);
  const model = fixture("external.onnx");
  const names = (await Model.open(model)).externalFiles;
  assert.deepEqual(names, ["external.bin"]);
  const error = await failure(await readFile(model));
  assert.deepEqual([error.code, error.details.argument], ["invalid_argument", "externalData"]);
  assert.match(error.message, /external\.bin/);
  const expected = await outputs(model, { externalData: { "external.bin": data } });
  assert.deepEqual(await outputs(model, { externalData: { "external.bin": server.url("/external.bin") } }), expected);
});
