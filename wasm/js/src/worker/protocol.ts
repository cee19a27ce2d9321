/** What a page and its worker say to each other: only values that structured cloning carries. */

import { OrtletError, type ErrorDetails } from "../api/errors.js";
import type { LoadReport } from "../load/settings.js";
import type { Description } from "../wasm/interface.js";

/** A tensor without methods, under the names that engines use. */
export interface WireTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** Where a model or a file of external data comes from. */
export type WireSource =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "request"; readonly url: string; readonly init: RequestInit }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "blob"; readonly blob: Blob };

/** Functions of the caller's, which stay on the page. */
export type PageFunction = "onProgress" | "measure";

/** The options of a load that can be cloned, and which functions there are on the page's side. */
export interface WireOptions {
  readonly plain: Readonly<Record<string, unknown>>;
  readonly externalData?: Readonly<Record<string, WireSource>>;
  readonly functions: readonly PageFunction[];
}

/** The URLs of the package's files, by their names in `Assets`. */
export type Places = Readonly<Record<string, string>>;

/** Asks to load a model; it comes once, before all else. */
export interface LoadRequest {
  readonly ask: "load";
  readonly source: WireSource;
  readonly options: WireOptions;
  readonly places: Places;
  /** Whether the page wants the model as it was given to the engine. */
  readonly keep: boolean;
}

/** What came of a load. */
export interface LoadAnswer {
  readonly description: Description;
  readonly report: LoadReport;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly model?: WireModel;
}

/** A model with its external data, as the engine got it. The browser may keep large blobs on disk. */
export interface WireModel {
  readonly file: Blob;
  readonly externalData: Readonly<Record<string, Blob>>;
}

/** Asks for one run. */
export interface RunRequest {
  readonly ask: "run";
  readonly feeds: Readonly<Record<string, WireTensor>>;
  readonly outputs?: readonly string[];
}

/** What came of a run. */
export interface RunAnswer {
  readonly outputs: Readonly<Record<string, WireTensor>>;
  readonly computedNs: number;
}

/** To the worker. Each request gets one reply with its number. */
export type ToWorker =
  | { readonly kind: "request"; readonly id: number; readonly request: LoadRequest | RunRequest }
  | { readonly kind: "answer"; readonly id: number; readonly outcome: Outcome };

/**
 * From the worker. Without `id`, nobody waits for the answer to a call. After a reply that is the last, the worker is of
 * no use any more.
 */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "reply"; readonly id: number; readonly outcome: Outcome; readonly isLast?: boolean }
  | { readonly kind: "call"; readonly id?: number; readonly name: PageFunction; readonly values: readonly unknown[] };

/** A value or an error. */
export type Outcome = { readonly value: unknown } | { readonly error: ErrorDetails };

/** What an outcome stands for; an error is thrown. */
export function settle(outcome: Outcome): unknown {
  if ("error" in outcome) throw OrtletError.of(outcome.error);
  return outcome.value;
}

/** The details of whatever was thrown. */
export function detailsOf(thrown: unknown): ErrorDetails {
  // Facts are plain data by contract; one that is not must not keep the error itself from arriving.
  if (thrown instanceof OrtletError) return JSON.parse(JSON.stringify(thrown.details)) as ErrorDetails;
  const reason = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return { code: "internal", message: `internal error, please report it: ${reason}`, reason };
}
