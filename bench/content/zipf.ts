import type { RandomSource } from "../../tests/support/random-source.ts";

const resolution = 2 ** 30;

/** So many choices from 0 up to, not including, `count`: the n-th most popular has a share like 1/n. */
export function chooseByZipf(count: number, choices: number, random: RandomSource): number[] {
  const shares = Array.from({ length: count }, (_, rank) => 1 / (rank + 1));
  const sum = shares.reduce((total, share) => total + share, 0);
  return Array.from({ length: choices }, () => {
    let left = (random.below(resolution) / resolution) * sum;
    const rank = shares.findIndex((share) => (left -= share) < 0);
    return rank === -1 ? count - 1 : rank;
  });
}
