/** Where models come from: addresses, files, answers, memory. All become bytes. */

import { OrtletError, cancelled, invalidArgument, ioError, notFound, throwIfAborted } from "../api/errors.js";
import { platform } from "../platform/platform.js";
import { untilAborted } from "./progress.js";
import { CallerError, readAll } from "./stream.js";

/** Something that has a model's bytes, as a `Model` has. */
export interface HasBytes {
  readonly bytes: Uint8Array;
}

/**
 * Where a model comes from: an address (in Node also a path or `file:` URL), a request, the answer to one, a file that
 * a user has chosen, or bytes in memory. Bytes are not copied and must not change while the model loads.
 */
export type Source =
  | string
  | URL
  | Request
  | Response
  | Blob
  | ReadableStream<Uint8Array>
  | ArrayBuffer
  | ArrayBufferView
  | HasBytes;

/** How a source is read. */
export interface ReadOptions {
  readonly requestInit?: RequestInit | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each piece; the total is absent where it is not known. */
  readonly onBytes?: ((done: number, total: number | undefined) => void) | undefined;
}

/** What a server says by which a later visit can ask whether the content is still the same. */
export interface Validators {
  readonly etag: string | null;
  readonly last_modified: string | null;
}

/** The content of a source. */
export interface Content {
  readonly bytes: Uint8Array;
  /** What the server said of it, if there is one. */
  readonly validators?: Validators | undefined;
}

/** What a source is called in messages and reports. */
export function nameOf(source: Source): string {
  if (typeof source === "string") return source;
  if (source instanceof URL) return source.href;
  if (isRequest(source) || isResponse(source)) return source.url || "the answer";
  if (typeof File !== "undefined" && source instanceof File) return source.name;
  return "the model in memory";
}

/** The address of a source that the web may be asked for again, else `undefined`. */
export function addressOf(source: Source): string | undefined {
  if (isRequest(source)) return source.method === "GET" ? source.url : undefined;
  if (typeof source !== "string" && !(source instanceof URL)) return undefined;
  const base = typeof document === "undefined" ? globalThis.location?.href : document.baseURI;
  try {
    const url = new URL(source, base);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a source whole. */
export async function readSource(source: Source, options: ReadOptions = {}): Promise<Content> {
  throwIfAborted(options.signal);
  const inMemory = bytesInMemory(source);
  if (inMemory !== undefined) return { bytes: inMemory };
  const content = await readOutside(source, options);
  checkIsNoText(nameOf(source), content.bytes);
  return content;
}

/** The bytes of a source that is in memory. */
export function bytesInMemory(source: Source): Uint8Array | undefined {
  if (source instanceof Uint8Array) return source;
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof SharedArrayBuffer !== "undefined" && (source as unknown) instanceof SharedArrayBuffer) {
    return new Uint8Array(source as unknown as ArrayBuffer);
  }
  if (typeof source === "object" && source !== null && "bytes" in source && source.bytes instanceof Uint8Array) {
    return source.bytes;
  }
  return undefined;
}

async function readOutside(source: Source, options: ReadOptions): Promise<Content> {
  if (typeof source === "string" || source instanceof URL) {
    const file = await openFile(source);
    if (file !== undefined) return { bytes: await read(nameOf(source), file.stream, file.size, options) };
    return readAnswer(nameOf(source), await ask(source, options), options);
  }
  if (isRequest(source)) return readAnswer(source.url, await ask(source, options), options);
  if (isResponse(source)) return readAnswer(nameOf(source), source, options);
  if (source instanceof Blob) return { bytes: await read(nameOf(source), source.stream(), source.size, options) };
  if (source instanceof ReadableStream) {
    return { bytes: await read("the stream", source as ReadableStream<Uint8Array>, undefined, options) };
  }
  const expected = "a URL, Request, Response, Blob, ReadableStream, ArrayBuffer, typed array or Model";
  throw invalidArgument("source", `expected ${expected}, got ${describe(source)}`);
}

async function openFile(source: string | URL): ReturnType<ReturnType<typeof platform>["openFile"]> {
  try {
    return await platform().openFile(source);
  } catch (error) {
    if (error instanceof OrtletError) throw error;
    const code = (error as { code?: unknown } | null)?.code;
    if (code === "ENOENT") throw notFound("file", String(source), []);
    throw ioError("read", String(source), reasonOf(error), error);
  }
}

async function ask(source: string | URL | Request, options: ReadOptions): Promise<Response> {
  const { requestInit, signal } = options;
  const url = isRequest(source) ? source.url : String(source);
  try {
    return await fetch(source, { ...requestInit, ...signalOf(requestInit?.signal, signal) });
  } catch (error) {
    throw failure(url, error, options);
  }
}

/** Either signal ends the request. */
function signalOf(one: AbortSignal | null | undefined, other: AbortSignal | undefined): RequestInit {
  if (!one || !other) return one || other ? { signal: (one ?? other)! } : {};
  const both = new AbortController();
  for (const signal of [one, other]) {
    if (signal.aborted) both.abort(signal.reason);
    signal.addEventListener("abort", () => both.abort(signal.reason), { once: true, signal: both.signal });
  }
  return { signal: both.signal };
}

async function readAnswer(url: string, answer: Response, options: ReadOptions): Promise<Content> {
  if (!answer.ok) {
    void answer.body?.cancel().catch(() => undefined);
    if (answer.type === "opaque" || answer.type === "opaqueredirect") {
      throw ioError("download", url, "the answer is opaque: request it with the mode `cors`");
    }
    throw ioError("download", url, `HTTP ${answer.status} ${answer.statusText}`.trimEnd());
  }
  if (answer.bodyUsed) throw invalidArgument("source", "the body of this answer was read before");
  const stream = answer.body ?? new Blob([]).stream();
  const bytes = await read(url, stream, sizeOf(answer), options);
  const { headers } = answer;
  const validators = { etag: headers.get("etag"), last_modified: headers.get("last-modified") };
  checkIsNoPage(url, headers.get("content-type"), bytes);
  return { bytes, validators };
}

/** The size of what will be read; `undefined` if the header tells another: that of compressed content. */
function sizeOf(answer: Response): number | undefined {
  const encoding = answer.headers.get("content-encoding");
  const length = Number(answer.headers.get("content-length") ?? Number.NaN);
  const isPlain = encoding === null || encoding === "" || encoding === "identity";
  return isPlain && Number.isSafeInteger(length) && length > 0 ? length : undefined;
}

async function read(
  name: string,
  stream: ReadableStream<Uint8Array>,
  size: number | undefined,
  options: ReadOptions,
): Promise<Uint8Array> {
  const reader = stream.getReader();
  try {
    return await untilAborted(options.signal, readAll(reader, size, options.onBytes));
  } catch (error) {
    // What is not wanted any more is not downloaded any more.
    void reader.cancel(error).catch(() => undefined);
    throw failure(name, error, options);
  }
}

/** What went wrong: the caller gave up, what they told us to call threw, or the network broke. */
function failure(name: string, error: unknown, options: ReadOptions): unknown {
  const signal = options.signal?.aborted ? options.signal : options.requestInit?.signal;
  if (signal?.aborted) return cancelled(signal.reason);
  if (error instanceof OrtletError) return error;
  if (error instanceof CallerError) return error.cause;
  return ioError("download", name, reasonOf(error), error);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node says "fetch failed" and puts what happened into the cause.
  const cause = error.cause instanceof Error && error.cause.message !== "" ? `: ${error.cause.message}` : "";
  const code = error.cause instanceof Error ? (error.cause as { code?: string }).code : undefined;
  return `${error.message}${cause || (code === undefined ? "" : `: ${code}`)}`;
}

/** Servers of single-page applications answer any address with the page. */
function checkIsNoPage(url: string, type: string | null, bytes: Uint8Array): void {
  const start = textAtStart(bytes);
  const isPage = /^\s*<(!doctype|html|head|body|\?xml|!--)/i.test(start);
  if (!isPage && !(type?.startsWith("text/html") === true && /^\s*</.test(start))) return;
  const advice = "check the address, and whether the server answers addresses that it does not know with a page";
  throw noModel(`\`${url}\` answered with a web page instead of a model: ${advice}`);
}

/** Clones without Git LFS have texts in the place of models. */
function checkIsNoText(name: string, bytes: Uint8Array): void {
  if (bytes.length === 0) throw noModel(`\`${name}\` is empty`);
  if (textAtStart(bytes).startsWith("version https://git-lfs.github.com/spec/")) {
    throw noModel(`\`${name}\` is a pointer of Git LFS, not the model itself: get it by \`git lfs pull\``);
  }
}

function textAtStart(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice(0, 128));
}

function noModel(reason: string): OrtletError {
  return new OrtletError("invalid_model", `invalid model: ${reason}`, { reason, offset_bytes: null });
}

function isRequest(source: unknown): source is Request {
  return typeof Request !== "undefined" && source instanceof Request;
}

function isResponse(source: unknown): source is Response {
  return typeof Response !== "undefined" && source instanceof Response;
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return value.constructor?.name ?? "an object";
}
