/** Models and options on their way to a worker: what cannot be cloned becomes something that can. */

import { addressOf, bytesInMemory, readSource, type Source } from "../load/source.js";
import type { WireSource, WireTensor } from "./protocol.js";

/** Something to post, and the memory that moves with it. */
export interface Packed<T> {
  readonly wire: T;
  readonly transfer: ArrayBuffer[];
}

/** How sources are packed. */
export interface PackOptions {
  /** The caller's bytes are moved instead of copied. */
  readonly move?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told while the page itself has to read a stream. */
  readonly onBytes?: ((done: number, total: number | undefined) => void) | undefined;
}

/**
 * A source as the worker can read it. Only answers and streams are read on the page, which is no work for it; whatever
 * has an address is left to the worker.
 */
export async function packSource(source: Source, options: PackOptions = {}): Promise<Packed<WireSource>> {
  const bytes = bytesInMemory(source);
  if (bytes !== undefined) return packBytes(bytes, options.move === true);
  if (typeof Request !== "undefined" && source instanceof Request)
    return { wire: await packRequest(source), transfer: [] };
  if (typeof source === "string" || source instanceof URL) return { wire: packAddress(source), transfer: [] };
  if (typeof Blob !== "undefined" && source instanceof Blob)
    return { wire: { kind: "blob", blob: source }, transfer: [] };
  const content = await readSource(source, options);
  return packBytes(content.bytes, true);
}

function packBytes(bytes: Uint8Array, move: boolean): Packed<WireSource> {
  const { buffer } = bytes;
  if (move && buffer instanceof ArrayBuffer) return { wire: { kind: "bytes", bytes }, transfer: [buffer] };
  const copied = new Uint8Array(bytes);
  return { wire: { kind: "bytes", bytes: copied }, transfer: [copied.buffer] };
}

// Addresses that are relative to the page would be relative to the worker's file over there.
function packAddress(source: string | URL): WireSource {
  const address = addressOf(source);
  if (address !== undefined) return { kind: "url", url: address };
  return typeof source === "string" ? { kind: "path", path: source } : { kind: "url", url: source.href };
}

async function packRequest(request: Request): Promise<WireSource> {
  const { method, headers, credentials, mode, cache, redirect, referrerPolicy, integrity } = request;
  const body = request.body === null || request.body === undefined ? undefined : await request.clone().arrayBuffer();
  const init = { method, headers: [...headers], credentials, mode, cache, redirect, referrerPolicy, integrity };
  return { kind: "request", url: request.url, init: body === undefined ? init : { ...init, body } };
}

/** Settings for requests without what cannot be cloned. Its signal is the page's business. */
export function packRequestInit(init: RequestInit): RequestInit {
  const { signal: _, headers, ...rest } = init;
  return headers === undefined ? rest : { ...rest, headers: [...new Headers(headers)] };
}

/** In the worker: what {@link packSource} was given. */
export function unpackSource(wire: WireSource): Source {
  switch (wire.kind) {
    case "path":
      return wire.path;
    case "url":
      return new URL(wire.url);
    case "request":
      return new Request(wire.url, wire.init);
    case "blob":
      return wire.blob;
    case "bytes":
      return wire.bytes;
  }
}

/** A value of a sample's, or an output, without getters and methods, which do not survive cloning. */
export function plainValue(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return ownMemory(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { dtype, shape, type, dims, data } = value as Record<string, unknown>;
  if (dims !== undefined) return { type, dims: [...(dims as number[])], data: ownMemory(data) };
  return data === undefined ? value : { ...(dtype === undefined ? {} : { dtype }), shape, data: ownMemory(data) };
}

/** The buffers of tensors, to be moved instead of copied. Shared memory stays where it is. */
export function buffersOf(tensors: Iterable<WireTensor>): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  for (const { data } of tensors) {
    if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) found.add(data.buffer);
  }
  return [...found];
}

/** A tensor that carries no more memory than its own. */
export function compact({ type, dims, data }: WireTensor): WireTensor {
  return { type, dims: [...dims], data: ownMemory(data) };
}

/** Data in memory of their own, since cloning a view clones all of the buffer behind it. */
function ownMemory(data: unknown): unknown {
  if (!ArrayBuffer.isView(data) || isWhole(data)) return data;
  const copied = new Uint8Array(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const kind = data.constructor as new (buffer: ArrayBuffer) => unknown;
  return new kind(copied.buffer);
}

function isWhole(view: ArrayBufferView): boolean {
  return view.buffer instanceof ArrayBuffer && view.byteLength === view.buffer.byteLength;
}
