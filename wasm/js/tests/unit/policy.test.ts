/** The decisions of a choice, on figures that are known: which layers stay, who wins, what was chance. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { internal } from "./places.js";

type Passes = (layers: readonly number[]) => Promise<boolean>;
interface Round {
  readonly candidate: readonly number[];
  readonly toBeat: readonly number[];
}

const { mostPassing, leastHarmfulFirst } = (await internal("./precision/subset.js")) as unknown as {
  mostPassing(ranking: readonly number[], tries: number, passes: Passes): Promise<number[]>;
  leastHarmfulFirst(damages: readonly number[]): number[];
};
const { judgeFinal } = (await internal("./precision/verdict.js")) as unknown as {
  judgeFinal(blocks: readonly (readonly Round[])[], title: string): { ratio: number; objection: string | undefined };
};
const { quantile, signTest, shuffled, random } = (await internal("./precision/statistics.js")) as unknown as {
  quantile(values: readonly number[], share: number): number;
  signTest(wins: number, rounds: number): number;
  shuffled(values: readonly number[], next: () => number): number[];
  random(seed: number): () => number;
};

/** Layers pass together if their damages stay within a budget. */
async function most(damages: readonly number[], budget: number, tries: number): Promise<[number[], number]> {
  let count = 0;
  const found = await mostPassing([...damages.keys()], tries, async (layers) => {
    count++;
    assert.ok(layers.length > 0 && layers.length < damages.length);
    return layers.reduce((sum, at) => sum + damages[at]!, 0) <= budget;
  });
  return [found, count];
}

test("the longest beginning that passes is found with few tries", async () => {
  for (let last = 0; last < 40; last++) {
    const [found, count] = await most(new Array<number>(40).fill(10), 10 * last, 0);
    assert.equal(found.length, last);
    assert.ok(count <= 6);
  }
  assert.deepEqual(await most([10], 0, 9), [[], 0]);
  assert.deepEqual(await most([], 0, 9), [[], 0]);
});

test("one harmful layer does not keep the others out", async () => {
  const damages = new Array<number>(20).fill(1);
  [damages[4], damages[11]] = [1000, 1000];
  const [found] = await most(damages, 100, 20);
  assert.deepEqual(
    found,
    [...damages.keys()].filter((at) => at !== 4 && at !== 11),
  );
  assert.deepEqual(leastHarmfulFirst([3, 1, 2]), [1, 2, 0]);
});

/** Blocks of rounds in which a candidate takes these shares of the time: lower quartile, median, upper quartile. */
function blocks(shares: readonly (readonly number[])[], rounds: number): Round[][] {
  const toBeat = [80, 90, 100, 110, 120];
  return shares.map(([lower, middle, upper]) => {
    const factors = [lower!, lower!, middle!, upper!, upper!];
    const candidate = toBeat.map((time, at) => time * factors[at]!);
    return Array.from({ length: rounds }, () => ({ toBeat, candidate }));
  });
}

test("a winner takes every bar", () => {
  const good = [0.9, 0.9, 0.95];
  const won = judgeFinal(blocks([good, good, good], 6), "the original");
  assert.equal(won.objection, undefined);
  assert.ok(Math.abs(won.ratio - 0.9) < 1e-12);
  const objection = (shares: number[][], rounds: number): string =>
    judgeFinal(blocks(shares, rounds), "the original").objection ?? "";
  assert.match(objection([good, good, good], 2), /6 of 6 rounds/);
  assert.match(objection([[0.97, 0.97, 0.97], good, good], 6), /12 of 18 rounds/);
  assert.match(objection([[0.96, 0.96, 0.96], good, good, good, good], 6), /each of 5 pairs/);
  assert.match(
    objection(
      [
        [0.98, 0.9, 0.95],
        [0.98, 0.9, 0.95],
      ],
      9,
    ),
    /lower quartile/,
  );
  assert.match(
    objection(
      [
        [0.9, 0.9, 1.2],
        [0.9, 0.9, 1.2],
      ],
      9,
    ),
    /upper quartile/,
  );
  assert.match(objection([], 0), /no time/);
});

test("chance is told by the binomial distribution", () => {
  assert.equal(signTest(0, 5), 1);
  assert.equal(signTest(5, 5), 1 / 32);
  assert.ok(Math.abs(signTest(8, 10) - 56 / 1024) < 1e-12);
  assert.deepEqual([quantile([3, 1, 2], 0.5), quantile([0, 10], 0.25), quantile([], 0.5)], [2, 2.5, Number.NaN]);
});

test("an order by chance has everything once and is the same for a seed", () => {
  const values = [...Array(50).keys()];
  const order = shuffled(values, random(7));
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    values,
  );
  assert.notDeepEqual(order, values);
  assert.deepEqual(shuffled(values, random(7)), order);
});
