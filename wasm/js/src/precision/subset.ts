/** Which layers of a family stay quantized so that a model keeps its budget. Policy alone: nothing runs here. */

/** Indices of layers, the least harmful first. */
export function leastHarmfulFirst(damages: readonly number[]): number[] {
  return damages.map((_, at) => at).sort((a, b) => damages[a]! - damages[b]!);
}

/**
 * Layers of a ranking that pass together, as many as few tries find; none if none does. All of them are known not to.
 *
 * First the longest beginning of the ranking, by halving; then, because damages do not quite add up, what comes after
 * the layer that was too much, in halves as long as tries are left.
 */
export async function mostPassing(
  ranking: readonly number[],
  tries: number,
  passes: (layers: readonly number[]) => Promise<boolean>,
): Promise<number[]> {
  let [good, bad] = [0, ranking.length];
  while (bad - good > 1) {
    const middle = good + Math.floor((bad - good) / 2);
    if (await passes(ranking.slice(0, middle))) good = middle;
    else bad = middle;
  }
  let kept = ranking.slice(0, good);
  const parts = [ranking.slice(good + 1)];
  for (let left = tries; left > 0; ) {
    const part = parts.pop();
    if (part === undefined) break;
    if (part.length === 0) continue;
    left--;
    const more = [...kept, ...part];
    if (await passes(more)) {
      kept = more;
    } else if (part.length > 1) {
      const half = Math.ceil(part.length / 2);
      parts.push(part.slice(half), part.slice(0, half));
    }
  }
  return kept;
}
