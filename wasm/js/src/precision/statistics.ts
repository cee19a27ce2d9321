/** Medians, quartiles and the question whether it was chance. */

/** The value that a share of the values is below, between two of them in proportion; NaN if there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  if (below === undefined || above === undefined) return Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** How probable it is to win so many rounds or more if each is won by the toss of a coin. */
export function signTest(wins: number, rounds: number): number {
  let term = 0.5 ** rounds;
  let sum = 0;
  for (let count = rounds; count >= wins; count--) {
    sum += term;
    term = (term * count) / (rounds - count + 1);
  }
  return sum;
}

/** Numbers by chance, always the same for a seed: SplitMix32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** The values in another order. */
export function shuffled<T>(values: readonly T[], next: () => number): T[] {
  const order = [...values];
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}
