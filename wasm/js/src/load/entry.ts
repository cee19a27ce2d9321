/** What is stored of a model: a head of JSON and after it all bytes, in one value that is there whole or not at all. */

import { integrityError } from "../api/errors.js";
import type { PrecisionReport } from "../generated/reports.js";
import type { Store } from "../platform/platform.js";
import type { Description } from "../wasm/interface.js";
import { sha256 } from "./digest.js";
import type { EngineModel, ExternalFile } from "./settings.js";

/** "ORTLETJS" and the version of this form. */
const MAGIC = new Uint8Array([0x4f, 0x52, 0x54, 0x4c, 0x45, 0x54, 0x4a, 0x53, 1, 0, 0, 0]);
const LENGTH_BYTES = 4;

/** What is known of a stored model without reading it. */
export interface Head {
  /** What the model is called: its address or the name of its file. */
  readonly model: string;
  readonly precision: string;
  readonly created_unix_s: number;
  readonly is_artifact: boolean;
  readonly description: Description | null;
  /** How it came to compute with other numbers, if that was asked for. */
  readonly report: PrecisionReport | null;
  readonly warnings: readonly string[];
  /** The model first, then its external data. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

/** A stored model. */
export interface Entry extends EngineModel {
  readonly head: Head;
  /** Settled once all content was compared with its digests; rejected with `integrity` if it has changed. */
  readonly whole: Promise<void>;
}

/** Stores a model. */
export async function putEntry(
  store: Store,
  key: string,
  head: Omit<Head, "files">,
  model: EngineModel,
): Promise<void> {
  const files: Head["files"][number][] = [];
  const parts = [{ path: "", data: model.bytes }, ...model.externalData];
  for (const { path, data } of parts) files.push({ path, bytes: data.length, sha256: await sha256(data) });
  const text = new TextEncoder().encode(JSON.stringify({ ...head, files } satisfies Head));
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.length, true);
  await store.put(key, [MAGIC, length, text, ...parts.map((part) => part.data)]);
}

/**
 * The model of a key; `undefined` if there is none. Throws `integrity` if what is there is no entry; whether its content
 * is what was stored shows later, so that the engine can begin with it meanwhile.
 */
export async function getEntry(store: Store, key: string): Promise<Entry | undefined> {
  const value = await store.get(key);
  if (value === undefined) return undefined;
  const { head, start } = parsed(key, value);
  const files = cut(key, value, head, start);
  const whole = compared(key, head, files);
  // Who uses the entry waits for it; who does not need not know.
  whole.catch(() => undefined);
  return { head, bytes: files[0]!.data, externalData: files.slice(1), whole };
}

async function compared(key: string, head: Head, files: readonly ExternalFile[]): Promise<void> {
  for (const [index, file] of files.entries()) {
    if ((await sha256(file.data)) !== head.files[index]!.sha256) throw damaged(key, "its content has changed");
  }
}

/** The head of an entry and where its files begin. */
export function parsed(key: string, value: Uint8Array): { head: Head; start: number } {
  const textStart = MAGIC.length + LENGTH_BYTES;
  if (value.length < textStart || MAGIC.some((byte, at) => value[at] !== byte)) throw damaged(key, "it is no entry");
  const length = new DataView(value.buffer, value.byteOffset + MAGIC.length).getUint32(0, true);
  const start = textStart + length;
  try {
    const head = JSON.parse(new TextDecoder().decode(value.subarray(textStart, start))) as Head;
    if (!Array.isArray(head.files) || head.files.length === 0) throw new Error("there is no model in it");
    return { head, start };
  } catch (error) {
    throw damaged(key, `its head is not readable: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function cut(key: string, value: Uint8Array, head: Head, start: number): ExternalFile[] {
  let at = start;
  const files = head.files.map(({ path, bytes }) => {
    const data = value.subarray(at, at + bytes);
    at += bytes;
    return { path, data };
  });
  if (at !== value.length) throw damaged(key, `it has ${value.length} bytes instead of ${at}`);
  return files;
}

function damaged(key: string, reason: string): Error {
  return integrityError(`the cache's entry ${key}`, reason);
}
