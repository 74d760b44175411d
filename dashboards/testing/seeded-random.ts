/** A small seeded generator of numbers from 0 to 1 for fixtures (a linear congruential one: repeatable, not good). */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed % 2_147_483_647;
  return () => {
    state = (state * 48_271 + 11) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
