// @ts-check
// The model: where it is, how its sessions are opened, and what is remembered of earlier visits.

import { createWorkerSession, Model } from "ortlet";

/** The digest makes the file's place irrelevant: once it is in the browser's cache, no network is needed. */
const SHA256 = "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c";
const MODEL = new URL("/models/magika/model.onnx", location.href);
const CONFIG = new URL("/models/magika/config.min.json", location.href);

/** What the page keeps beside the model, so that a later visit asks for nothing that does not change. */
const CACHE = "magika-page";
const REPORT = new URL(`/reports/${SHA256}.json`, location.href);

/** @typedef {"original" | "int8" | "auto"} Precision */
/** @typedef {{ bytes: { dtype: "int32", shape: number[], data: Int32Array } }} Inputs */

/** @returns {Promise<import("./magika.js").Config>} */
export async function config() {
  const cache = await caches.open(CACHE).catch(() => undefined); // storage may be forbidden
  try {
    const answer = await fetch(CONFIG);
    if (answer.ok) await cache?.put(CONFIG, answer.clone()).catch(() => undefined);
    return await answer.json();
  } catch (error) {
    const kept = await cache?.match(CONFIG);
    if (kept === undefined) throw error;
    return kept.json();
  }
}

/**
 * A session in a worker, so that the page stays smooth whatever the model does.
 *
 * @param {Precision} precision
 * @param {readonly Inputs[]} samples what `auto` measures with
 * @param {AbortSignal} signal
 * @param {(progress: import("ortlet").Progress) => void} onProgress
 */
export function open(precision, samples, signal, onProgress) {
  return createWorkerSession(MODEL, {
    sha256: SHA256,
    precision,
    ...(precision === "auto" ? { samples, timeLimitMs: 20_000 } : {}),
    warmUpRuns: 1,
    signal,
    onProgress,
  });
}

/** What is inside of the model; computed at the first visit. @returns {Promise<import("ortlet").ModelReport>} */
export async function report() {
  const cache = await caches.open(CACHE).catch(() => undefined);
  const kept = await cache?.match(REPORT);
  if (kept !== undefined) return kept.json();
  const model = await Model.open(MODEL, { sha256: SHA256 });
  const made = await model.report();
  await cache?.put(REPORT, Response.json(made)).catch(() => undefined);
  return made;
}

/** The model's inputs for features. @param {Int32Array} features @returns {Inputs} */
export function inputs(features) {
  return { bytes: { dtype: "int32", shape: [1, features.length], data: features } };
}

/** What a load took that found nothing in the cache, in milliseconds by phase. @typedef {[string, number][]} Phases */

/** The phases of the first visit's load with a precision. @param {Precision} precision @returns {Phases | undefined} */
export function firstVisit(precision) {
  try {
    return JSON.parse(localStorage.getItem(`first-visit:${precision}`) ?? "null") ?? undefined;
  } catch {
    return undefined; // storage may be forbidden
  }
}

/** @param {Precision} precision @param {Phases} phases */
export function rememberFirstVisit(precision, phases) {
  try {
    localStorage.setItem(`first-visit:${precision}`, JSON.stringify(phases));
  } catch {
    // Then the next visit has nothing to be compared with.
  }
}
