/** Races models by turns: heats of all, then a final of the best against the one to beat, with new sessions. */

import { turnsOf } from "../engine/turns.js";
import type { EngineSession, EngineTensor } from "../engine/types.js";
import { nowNs } from "../load/progress.js";
import type { Lab } from "./lab.js";
import { runEngine } from "./outputs.js";
import { median, quantile, random, shuffled } from "./statistics.js";
import { judgeFinal, type Round, type Verdict } from "./verdict.js";

const HEAT_ROUNDS = 5;
const BLOCKS = 3;
const BLOCK_ROUNDS = 6;
/** Browsers' clocks are coarse: what is shorter is measured several runs at a time. */
const LEAST_NS = 4e6;
/** A turn takes about so long, with as few samples as that needs. */
const TURN_NS = 120e6;
const WARM_UP_RUNS = 3;
/** Whoever takes more than this share of the time in the heats gets no final. */
const HOPEFUL = 0.97;
/** Candidates that get a final, the best first, until one wins. */
const FINALISTS = 2;

/** Who races. */
export interface Entrant {
  readonly name: string;
  readonly model: Uint8Array;
}

/** What a race showed of one entrant. */
export interface Result {
  median: number;
  lower: number;
  upper: number;
  /** Its time as a share of that of the one to beat, in the heats. */
  ratio: number;
  finalRatio: number | null;
  /** Why it did not win. */
  reason: string | null;
}

/** What a race showed: first of the one to beat, then of the others. */
export interface Outcome {
  readonly results: readonly Result[];
  /** Index of the winner among the others, if one won. */
  readonly winner: number | undefined;
}

/** Races others against the one to beat. `samples` are those that run; no longer than `limitNs`. */
export async function race(
  lab: Lab,
  toBeat: Entrant,
  others: readonly Entrant[],
  samples: readonly number[],
  limitNs: number,
): Promise<Outcome> {
  const track = new Track(lab, samples, nowNs() + limitNs);
  const heats = await track.block([toBeat, ...others], HEAT_ROUNDS, limitNs / 3);
  const results = heats.map((times) => resultOf(times, heats[0]!));
  const order = others.map((_, at) => at).sort((a, b) => results[a + 1]!.ratio - results[b + 1]!.ratio);
  let winner: number | undefined;
  for (const [place, at] of order.entries()) {
    const result = results[at + 1]!;
    if (winner !== undefined) result.reason = "another was faster";
    else if (!(result.ratio < HOPEFUL))
      result.reason = `takes ${result.ratio.toFixed(2)} of the time of ${toBeat.name}`;
    else if (place >= FINALISTS) result.reason = "others were faster in the heats";
    else {
      const verdict = await final(track, toBeat, others[at]!);
      result.finalRatio = Number.isFinite(verdict.ratio) ? verdict.ratio : null;
      result.reason = verdict.objection ?? null;
      if (verdict.objection === undefined) winner = at;
    }
  }
  return { results, winner };
}

/** Rounds with new sessions in each block. */
async function final(track: Track, toBeat: Entrant, other: Entrant): Promise<Verdict> {
  const blocks: Round[][] = [];
  for (let block = 0; block < BLOCKS; block++) {
    const share = track.leftNs / (BLOCKS - block + 1);
    const [first, second] = await track.block([toBeat, other], BLOCK_ROUNDS, share);
    blocks.push(first!.map((times, round) => ({ toBeat: times, candidate: second![round]! })));
  }
  return judgeFinal(
    blocks.filter((rounds) => rounds.length > 0),
    toBeat.name,
  );
}

/** Times of all runs in each round, as quartiles. */
function resultOf(rounds: readonly (readonly number[])[], toBeat: readonly (readonly number[])[]): Result {
  const middle = (share: number): number => median(rounds.map((times) => quantile(times, share)));
  const ratio = median(rounds.map((times, round) => median(times) / median(toBeat[round]!)));
  return { median: middle(0.5), lower: middle(0.25), upper: middle(0.75), ratio, finalRatio: null, reason: null };
}

/** Sessions that run on the same samples by turns. */
class Track {
  private readonly next: () => number;
  /** Decided by the first who runs. */
  private pace: { samples: readonly number[]; repeat: number } | undefined;

  constructor(
    private readonly lab: Lab,
    private readonly samples: readonly number[],
    private readonly end: number,
  ) {
    this.next = random(lab.seed);
  }

  get leftNs(): number {
    return Math.max(0, this.end - nowNs());
  }

  /** Times of each entrant in each round; at least one round, fewer than wanted if there is not the time. */
  async block(entrants: readonly Entrant[], rounds: number, limitNs: number): Promise<number[][][]> {
    const end = Math.min(this.end, nowNs() + limitNs);
    const sessions: EngineSession[] = [];
    const times: number[][][] = entrants.map(() => []);
    try {
      for (const { model } of entrants) sessions.push(await this.lab.session(model));
      for (const session of sessions) await this.warmUp(session);
      for (let round = 0; round < rounds && (round === 0 || nowNs() < end); round++) {
        this.lab.tell(round, rounds);
        for (const at of shuffled([...sessions.keys()], this.next)) times[at]!.push(await this.turn(sessions[at]!));
      }
    } finally {
      for (const session of sessions) await session.release().catch(() => undefined);
    }
    return times;
  }

  private async warmUp(session: EngineSession): Promise<void> {
    let shortest = Number.POSITIVE_INFINITY;
    for (let run = 0; run < WARM_UP_RUNS; run++) {
      await this.lab.pause();
      const feeds = this.lab.feeds(this.samples[0]!);
      const start = nowNs();
      await runEngine(this.lab.context.started.engine, session, feeds);
      shortest = Math.min(shortest, Math.max(1, nowNs() - start));
      if (shortest > TURN_NS) break;
    }
    this.pace ??= this.paceOf(shortest);
  }

  private paceOf(runNs: number): { samples: readonly number[]; repeat: number } {
    const repeat = Math.max(1, Math.ceil(LEAST_NS / runNs));
    const count = Math.min(this.samples.length, Math.max(1, Math.floor(TURN_NS / (repeat * runNs))));
    return { samples: this.samples.slice(0, count), repeat };
  }

  /** Nanoseconds of a run on each sample. */
  private async turn(session: EngineSession): Promise<number[]> {
    const { samples, repeat } = this.pace!;
    const times: number[] = [];
    for (const sample of samples) {
      await this.lab.pause();
      const feeds: Record<string, EngineTensor> = this.lab.feeds(sample);
      const timed = async (): Promise<number> => {
        const start = nowNs();
        for (let run = 0; run < repeat; run++) await session.run(feeds as Record<string, never>, session.outputNames);
        return Math.max(1, nowNs() - start) / repeat;
      };
      // Nobody else computes meanwhile.
      times.push(await turnsOf(this.lab.context.started.engine).during(timed));
    }
    return times;
  }
}
