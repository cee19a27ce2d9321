/** What scenarios share. */

import { Session, createWorkerSession } from "/package/dist/index.js";

/** Loads on the page or in a worker. */
export function load(where, source, options) {
  return where === "worker" ? createWorkerSession(source, options) : Session.load(source, options);
}

/** What a promise fails with, in a form that JSON holds. */
export async function failure(work) {
  try {
    await work();
  } catch (error) {
    const { name, code, message, details } = error;
    return { name, code, message, details, cause: error.cause === undefined ? null : String(error.cause) };
  }
  return null;
}

/** Has the test do something. */
export async function control(name) {
  await fetch(`/control/${name}`, { method: "POST" });
}

/** Plain numbers of a tensor. */
export function numbers(tensor) {
  return Array.from(tensor.data, Number);
}

export function ticks(count) {
  return new Promise((resolve) => {
    let left = count;
    const tick = () => {
      left -= 1;
      if (left <= 0) resolve();
      else setTimeout(tick, 1);
    };
    tick();
  });
}

export const X = { dtype: "float32", shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) };

export async function bytesOf(path) {
  return new Uint8Array(await (await fetch(path)).arrayBuffer());
}
