/** Telling how far a load is, and giving up in between. */

import { cancelled, throwIfAborted } from "../api/errors.js";

/** What is being done. */
export type Phase = "download" | "check" | "quantize" | "calibrate" | "measure" | "create" | "warm_up";

/** How far it is. */
export interface Progress {
  readonly phase: Phase;
  /** Bytes that were downloaded; in other phases, steps that are done. */
  readonly done: number;
  /** What `done` will be at the end; absent where nobody knows, as for a compressed download. */
  readonly total?: number;
  /** The share of the phase that is done, from 0 to 1; `undefined` where nobody knows. */
  readonly fraction: number | undefined;
  /** What is being done in words, in phases that try several things. */
  readonly stage?: string;
}

/** A function that is told. What it throws ends the load. */
export type OnProgress = (progress: Progress) => void;

/** Makes the progress of numbers. */
export function progress(phase: Phase, done: number, total?: number, stage?: string): Progress {
  const fraction = total === undefined ? undefined : total > 0 ? Math.min(1, done / total) : 1;
  return {
    phase,
    done,
    fraction,
    ...(total === undefined ? {} : { total }),
    ...(stage === undefined ? {} : { stage }),
  };
}

/** The least time between two messages about one download: more of them would only cost time. */
const LEAST_GAP_NS = 20e6;

/** Tells of the bytes of downloads, but not of every little piece. */
export function tellOfBytes(onProgress: OnProgress | undefined): (done: number, total: number | undefined) => void {
  let last = 0;
  return (done, total) => {
    const now = nowNs();
    if (done > 0 && done !== total && now - last < LEAST_GAP_NS) return;
    last = now;
    onProgress?.(progress("download", done, total));
  };
}

/** Waits for something, but no longer than until the caller gives up; `late` disposes of what then comes too late. */
export async function untilAborted<T>(
  signal: AbortSignal | undefined,
  promise: Promise<T>,
  late?: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = (): void => reject(cancelled(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } catch (error) {
    if (signal.aborted) {
      promise.then(late, () => undefined);
      throwIfAborted(signal);
    }
    throw error;
  } finally {
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  }
}

/** Lets timers, clicks and aborts of the page have their turn between two steps that block it. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Now, in nanoseconds. */
export function nowNs(): number {
  return Math.round(performance.now() * 1e6);
}
