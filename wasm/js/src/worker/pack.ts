/** Everything that a load in a worker needs, as messages can carry it. */

import { Tensor, CHECKED } from "../api/tensor.js";
import type { DType, DataTypes } from "../api/dtype.js";
import type { LoadOptions } from "../api/options.js";
import { assets } from "../assets.js";
import { progress } from "../load/progress.js";
import type { Source } from "../load/source.js";
import type { PageFunctions } from "./port.js";
import type { LoadRequest, PageFunction, Places, WireSource } from "./protocol.js";
import { packRequestInit, packSource, plainValue, type PackOptions } from "./wire.js";

/** A load, ready to be posted. */
export interface PackedLoad {
  readonly request: LoadRequest;
  /** Memory that moves with it. */
  readonly moved: ArrayBuffer[];
  /** What stays on the page and is called by the worker. */
  readonly functions: PageFunctions;
}

/** Packs a load. `move` empties the caller's arrays instead of copying them. */
export async function packLoad(source: Source, options: LoadOptions, move: boolean): Promise<PackedLoad> {
  const { signal, onProgress, accuracy, samples, externalData, requestInit, engine: _, ...simple } = options;
  const onBytes = (done: number, total?: number): void => onProgress?.(progress("download", done, total));
  const moved: ArrayBuffer[] = [];
  const packing = { move, signal, onBytes };
  const packed = await pack(source, packing, moved);
  const files = externalData === undefined ? undefined : await packFiles(externalData, packing, moved);
  const functions = functionsOf(options);
  const { measure: __, ...figures } = accuracy ?? {};
  const plain = {
    ...simple,
    ...(accuracy === undefined ? {} : { accuracy: figures }),
    ...(samples === undefined ? {} : { samples: samples.map(plainSample) }),
    ...(requestInit === undefined ? {} : { requestInit: packRequestInit(requestInit) }),
  };
  const names = Object.keys(functions) as PageFunction[];
  const wireOptions = { plain, functions: names, ...(files === undefined ? {} : { externalData: files }) };
  const request: LoadRequest = { ask: "load", source: packed, options: wireOptions, places: places(), keep: true };
  return { request, moved, functions };
}

async function pack(source: Source, options: PackOptions, moved: ArrayBuffer[]): Promise<WireSource> {
  const { wire, transfer } = await packSource(source, options);
  for (const buffer of transfer) if (!moved.includes(buffer)) moved.push(buffer);
  return wire;
}

async function packFiles(
  files: Readonly<Record<string, Source>>,
  options: PackOptions,
  moved: ArrayBuffer[],
): Promise<Record<string, WireSource>> {
  const packed: Record<string, WireSource> = {};
  for (const [name, source] of Object.entries(files)) packed[name] = await pack(source, options, moved);
  return packed;
}

function plainSample(sample: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, plainValue(value)]));
}

/** Where this package's files are, which only the page knows for sure: a bundler may have renamed them. */
function places(): Places {
  return Object.fromEntries(Object.entries(assets()).map(([name, url]) => [name, (url as URL).href]));
}

function functionsOf({ onProgress, accuracy }: LoadOptions): PageFunctions {
  const measure = accuracy?.measure as ((reference: unknown, candidate: unknown) => unknown) | undefined;
  return {
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(measure === undefined
      ? {}
      : { measure: (reference: unknown, candidate: unknown) => measure(tensors(reference), tensors(candidate)) }),
  };
}

/** Outputs that came from the worker, with their methods. */
function tensors(outputs: unknown): Record<string, Tensor> {
  const named = Object.entries(outputs as Record<string, { dtype: DType; data: DataTypes[DType]; shape: number[] }>);
  return Object.fromEntries(
    named.map(([name, { dtype, data, shape }]) => [name, new Tensor(dtype, data, shape, CHECKED)]),
  );
}
