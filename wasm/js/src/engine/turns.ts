/**
 * Who may use an engine: one after the other, in the order of asking.
 *
 * onnxruntime-web keeps tables on its stack while it waits for promises, so calls that overlap would write over each
 * other's, whatever their sessions; and some of its builds refuse a second call.
 */

import type { Engine } from "./types.js";

/** How long runs may follow each other before the page gets a moment for other things. */
const LONGEST_STRETCH_MS = 4;

export class Turns {
  #isTaken = false;
  #line: (() => void)[] = [];
  #stretch = 0;

  /** Takes the turn if nobody has it. */
  tryTake(): boolean {
    if (this.#isTaken) return false;
    this.#isTaken = true;
    return true;
  }

  /** Calls `go` once it is its turn, which `go` has to give back. */
  take(go: () => void): void {
    if (this.tryTake()) go();
    else this.#line.push(go);
  }

  /** Gives the turn to the next in line. */
  give(): void {
    const next = this.#line.shift();
    if (next === undefined) {
      this.#isTaken = false;
      this.#stretch = 0;
      return;
    }
    const now = performance.now();
    if (this.#stretch === 0) this.#stretch = now;
    if (now - this.#stretch < LONGEST_STRETCH_MS) {
      next();
      return;
    }
    // Events and timers come in between: what ends a waiting run may be one of them.
    this.#stretch = 0;
    soon(next);
  }

  /** Does some work in its turn. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((go) => this.take(go));
    try {
      return await work();
    } finally {
      this.give();
    }
  }
}

const all = new WeakMap<Engine, Turns>();

/** The turns of an engine. */
export function turnsOf(engine: Engine): Turns {
  let turns = all.get(engine);
  if (turns === undefined) {
    turns = new Turns();
    all.set(engine, turns);
  }
  return turns;
}

let channel: MessageChannel | undefined;
const calls: (() => void)[] = [];

/** Calls after the events that are there. */
function soon(call: () => void): void {
  if (typeof setImmediate === "function") {
    setImmediate(call);
    return;
  }
  if (channel === undefined) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => calls.shift()?.();
  }
  calls.push(call);
  channel.port2.postMessage(null);
}
