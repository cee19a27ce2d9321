/** Inputs for real models: files' contents, a sound, words. */

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Tensor } from "ortlet";
import type { Arrays } from "./native.js";
import { repository } from "./places.js";

const WINDOW = 1024;
const PADDING = 256;

/** For magika: the beginnings and ends of so many files of the sources. */
export async function fileContents(count: number): Promise<Arrays[]> {
  const files = (await filesBelow(repository)).sort();
  const step = Math.max(1, Math.floor(files.length / count));
  const chosen = files.filter((_, at) => at % step === 0).slice(0, count);
  return Promise.all(chosen.map(async (file) => ({ bytes: windows(await readFile(file)) })));
}

async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || ["node_modules", "target", "build", "dist"].includes(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}

function windows(content: Uint8Array): Arrays[string] {
  const data = new Int32Array(2 * WINDOW).fill(PADDING);
  data.set(content.subarray(0, WINDOW));
  const end = content.subarray(Math.max(0, content.length - WINDOW));
  data.set(end, 2 * WINDOW - end.length);
  return { dtype: "int32", shape: [1, 2 * WINDOW], data };
}

/** For silero: two tones, with the state of the first run empty. */
export function tones(): Arrays[] {
  return [220, 1000].map((frequency) => ({
    input: {
      dtype: "float32",
      shape: [1, 576],
      data: Float32Array.from({ length: 576 }, (_, at) => 0.5 * Math.sin((2 * Math.PI * frequency * at) / 16000)),
    },
    state: { dtype: "float32", shape: [2, 1, 128], data: new Float32Array(256) },
    sr: { dtype: "int64", shape: [], data: BigInt64Array.of(16000n) },
  }));
}

/** For a sentence encoder: so many words of its vocabulary. */
export function sentences(names: readonly string[]): Arrays[] {
  return [5, 12, 20].map((length) => {
    const ids = BigInt64Array.from({ length }, (_, at) =>
      at === 0 ? 101n : at === length - 1 ? 102n : BigInt(2000 + 37 * at),
    );
    const all: Record<string, BigInt64Array> = {
      input_ids: ids,
      attention_mask: new BigInt64Array(length).fill(1n),
      token_type_ids: new BigInt64Array(length),
    };
    return Object.fromEntries(names.map((name) => [name, { dtype: "int64", shape: [1, length], data: all[name]! }]));
  });
}

/** A tensor as the references have it. */
export function asArray(tensor: Tensor): Arrays[string] {
  return { dtype: tensor.dtype, shape: tensor.shape, data: tensor.data as unknown as ArrayBufferView };
}
