/** Whether one model is really faster than another: the decision that must not err. Policy alone: nothing runs here. */

import { median, quantile, signTest } from "./statistics.js";

/** A winner is faster by at least this share: what differs in results has to be worth it. */
const MARGIN = 0.05;
/** The probability that a final with a candidate that is no faster by the margin is won by chance. */
const SIGNIFICANCE = 0.01;

/** Times of one round, of the same runs by turns. */
export interface Round {
  readonly candidate: readonly number[];
  readonly toBeat: readonly number[];
}

/** What a final showed. */
export interface Verdict {
  /** The candidate's time as a share of the other's; the middle over all rounds. */
  readonly ratio: number;
  /** Why it does not win, if it does not. */
  readonly objection: string | undefined;
}

/** Judges a final in blocks, each with sessions of its own: how one lies in memory can make it faster or slower. */
export function judgeFinal(blocks: readonly (readonly Round[])[], title: string): Verdict {
  const rounds = blocks.flat();
  const ratios = (of: readonly Round[], share: number): number[] =>
    of.map((round) => quantile(round.candidate, share) / quantile(round.toBeat, share));
  const medians = ratios(rounds, 0.5);
  const bound = 1 - MARGIN;
  const wins = medians.filter((ratio) => ratio < bound).length;
  return { ratio: median(medians), objection: objection() };

  function objection(): string | undefined {
    if (rounds.length === 0) return "there was no time for a final";
    if (signTest(wins, rounds.length) > SIGNIFICANCE) {
      return `faster by 5 % in ${wins} of ${rounds.length} rounds of the final, which may be chance`;
    }
    if (blocks.some((block) => median(ratios(block, 0.5)) >= bound)) {
      return `not faster by 5 % with each of ${blocks.length} pairs of sessions`;
    }
    if (median(ratios(rounds, 0.25)) >= bound) return "its lower quartile is not faster by 5 %";
    if (median(ratios(rounds, 0.75)) >= 1) return `its upper quartile is slower than ${title}'s`;
    return undefined;
  }
}
