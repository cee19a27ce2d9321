/** The line in which the runs of a session wait: for a place, if their number is bounded, and for the engine. */

import { OrtletError, cancelled, deadlineExceeded } from "../api/errors.js";
import type { Turns } from "./turns.js";

export interface LineOptions {
  /** The most runs that may compute or wait for the engine. */
  readonly concurrencyLimit?: number | null | undefined;
  /** How long further ones wait for a place. */
  readonly concurrencyWaitMs?: number | undefined;
}

/** What may end a run. */
export interface Ends {
  readonly signal?: AbortSignal | undefined;
  readonly deadlineMs?: number | undefined;
}

const WAIT_MS = 1000;

export class Line {
  readonly #turns: Turns;
  readonly #limit: number;
  readonly #waitMs: number;
  #inside = 0;
  readonly #waiting = new Set<() => void>();

  constructor(turns: Turns, options: LineOptions) {
    this.#turns = turns;
    this.#limit = options.concurrencyLimit ?? Infinity;
    this.#waitMs = options.concurrencyWaitMs ?? WAIT_MS;
  }

  /** Enters if nobody is there. */
  tryEnter(): boolean {
    if (this.#inside >= this.#limit || !this.#turns.tryTake()) return false;
    this.#inside++;
    return true;
  }

  /** Waits until it is the run's turn, which ends with {@link leave}. */
  async wait(asked: number, ends: Ends): Promise<void> {
    if (this.#inside >= this.#limit) await this.#place(asked, ends);
    else this.#inside++;
    try {
      await ended(ends, asked, (go) => this.#engine(go));
    } catch (error) {
      this.#giveUpPlace();
      throw error;
    }
    try {
      // Timers may be late while the engine computes.
      checkEnds(asked, ends);
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** The run that has entered is over. */
  leave(): void {
    this.#giveUpPlace();
    this.#turns.give();
  }

  #giveUpPlace(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#inside--;
      return;
    }
    // The place goes on to the next in line.
    this.#waiting.delete(next);
    next();
  }

  /** Waits for the engine; gives what stops the waiting. */
  #engine(go: () => void): () => void {
    let isOver = false;
    this.#turns.take(() => (isOver ? this.#turns.give() : go()));
    return () => (isOver = true);
  }

  async #place(asked: number, ends: Ends): Promise<void> {
    const full = (): OrtletError => {
      const waited = Math.round((performance.now() - asked) * 1e6);
      const message = `pool exhausted: ${this.#limit} runs already under way after waiting ${waited} ns`;
      return new OrtletError("pool_exhausted", message, { limit_count: this.#limit, waited_ns: waited });
    };
    if (this.#waitMs === 0) throw full();
    const wait = (go: () => void, fail: (error: unknown) => void) => {
      const timer = setTimeout(() => fail(full()), this.#waitMs);
      const taken = () => {
        clearTimeout(timer);
        go();
      };
      this.#waiting.add(taken);
      return () => {
        clearTimeout(timer);
        this.#waiting.delete(taken);
      };
    };
    await ended(ends, asked, wait);
  }
}

/** Throws what has ended a run, if anything has. */
export function checkEnds(asked: number, { signal, deadlineMs }: Ends): void {
  if (signal?.aborted) throw cancelled(signal.reason);
  if (deadlineMs === undefined) return;
  const elapsed = performance.now() - asked;
  if (elapsed >= deadlineMs) throw deadlineExceeded(elapsed * 1e6, deadlineMs * 1e6);
}

/** Begins to wait, and gives what stops it. */
type Wait = (go: () => void, fail: (error: unknown) => void) => () => void;

/** Timers cannot be set for longer. */
const LONGEST_MS = 2 ** 31 - 1;

/** Waits, unless the run is ended before. */
export function ended(ends: Ends, asked: number, wait: Wait): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stop: (() => void) | undefined;
    const tidy = () => {
      clearTimeout(timer);
      ends.signal?.removeEventListener("abort", abort);
    };
    const fail = (error: unknown) => {
      tidy();
      stop?.();
      reject(error as Error);
    };
    const abort = () => fail(cancelled(ends.signal?.reason));
    const go = () => {
      tidy();
      resolve();
    };
    ends.signal?.addEventListener("abort", abort, { once: true });
    const { deadlineMs } = ends;
    if (deadlineMs !== undefined) timer = setTimeout(late, left(deadlineMs));
    function left(limit: number): number {
      return Math.min(LONGEST_MS, Math.max(1, limit - (performance.now() - asked)));
    }
    function late(): void {
      try {
        checkEnds(asked, ends);
        // Clocks differ a little: the timer may come before its time.
        timer = setTimeout(late, left(deadlineMs as number));
      } catch (error) {
        fail(error);
      }
    }
    stop = wait(go, fail);
  });
}
