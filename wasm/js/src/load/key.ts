/** What a cached model is called: by all that it depends on. */

import { sha256, sha256OfText } from "./digest.js";
import type { LoadSettings } from "./settings.js";
import { version } from "../version.js";

/** Keys begin with the version of the package, so that old entries can be told. */
const PREFIX = `${version}-`;
const OURS = /-(model|address)-[0-9a-f]{64}$/;
const MODEL = /-model-[0-9a-f]{64}$/;

/** Whether a key is one of this package's, of any version. */
export function isOurs(key: string): boolean {
  return OURS.test(key);
}

/** Whether a key is that of a model. */
export function isModelKey(key: string): boolean {
  return MODEL.test(key);
}

/** Whether this version of the package made a key. */
export function isCurrent(key: string): boolean {
  return isOurs(key) && key.replace(OURS, "-") === PREFIX;
}

/** What a stored model depends on, beside the version of the package. */
export interface Ingredients {
  /** The engine that it was measured with; `undefined` for what is made without measuring. */
  readonly measuredBy: { readonly version: string; readonly threads: number } | undefined;
  /** Digests of the model and its external data by name. */
  readonly digests: readonly (readonly [string, string])[];
  readonly settings: LoadSettings;
}

/** The key of a model as it is loaded with some options. */
export async function modelKey(ingredients: Ingredients): Promise<string> {
  const { digests, settings } = ingredients;
  const precision = settings.precision === "int8" ? "int8-dynamic" : (settings.precision ?? "original");
  const parts: unknown[] = [version, digests, precision];
  if (precision !== "original") parts.push(await precisionParts(ingredients));
  return `${PREFIX}model-${await sha256OfText(JSON.stringify(parts))}`;
}

async function precisionParts({ settings, measuredBy }: Ingredients): Promise<unknown[]> {
  const { accuracy, samples, seed } = settings;
  const judged = { ...accuracy, measure: undefined };
  const parts: unknown[] = [samples === undefined ? null : await digestOfSamples(samples), judged, seed ?? 0];
  if (measuredBy !== undefined) {
    const { version: engineVersion, threads } = measuredBy;
    parts.push(engineVersion, threads, globalThis.navigator?.hardwareConcurrency ?? 0, settings.timeLimitMs ?? null);
  }
  return parts;
}

/** The key of what is known of an address. */
export async function addressKey(address: string): Promise<string> {
  return `${PREFIX}address-${await sha256OfText(address)}`;
}

/** A digest of samples, whatever their values are made of. */
export async function digestOfSamples(samples: readonly Readonly<Record<string, unknown>>[]): Promise<string> {
  const digests: string[] = [];
  for (const sample of samples) {
    for (const name of Object.keys(sample).sort()) digests.push(name, await digestOfValue(sample[name]));
    digests.push("");
  }
  return sha256OfText(JSON.stringify(digests));
}

async function digestOfValue(value: unknown): Promise<string> {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `${value.constructor.name} ${await sha256(bytes)}`;
  }
  const data = tensorLike(value);
  if (data !== undefined) return `${data.type} [${data.shape.join()}] ${await digestOfValue(data.data)}`;
  const asText = (_: string, part: unknown): unknown => (typeof part === "bigint" ? `${part}n` : part);
  return sha256OfText(JSON.stringify(value, asText) ?? String(value));
}

/** What tensors have, of ours and of engines. */
function tensorLike(value: unknown): { type: unknown; shape: readonly number[]; data: unknown } | undefined {
  if (typeof value !== "object" || value === null || !("data" in value)) return undefined;
  const { dtype, type, shape, dims, data } = value as Record<string, unknown>;
  const sizes = shape ?? dims;
  return { type: dtype ?? type ?? "", shape: Array.isArray(sizes) ? (sizes as number[]) : [], data };
}
