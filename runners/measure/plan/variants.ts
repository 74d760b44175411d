/**
 * What is measured in each round, and in which order.
 *
 * The first round is the warm-up: every cell once, counted and traced, not compared. The paired rounds that follow
 * measure every cell and, where cells are compared, every baseline a second time under another name, the A/A control; they
 * come in balanced blocks (see `results/comparison-schedule.ts`).
 */
import { ROUNDS_A_BLOCK, scheduleBlock } from '../../../results/comparison-schedule.ts';

export interface Variant {
  /** Index of the cell. */
  readonly cell: number;
  /** A baseline measured again. */
  readonly control: boolean;
}

export interface ScheduledVariant extends Variant {
  readonly round: number;
  /** Position in the whole run; names the sample permanently. */
  readonly order: number;
}

/** Baseline of each cell, by index; null for a cell that is compared with nothing. */
export type Baselines = readonly (number | null)[];

/** All cells, and each baseline of another cell a second time. */
export function variantsOf(baselines: Baselines, controlled: boolean): Variant[] {
  const cells = baselines.map((_, cell) => ({ cell, control: false }));
  if (!controlled) return cells;
  const used = new Set(baselines.filter((baseline) => baseline !== null));
  return [...cells, ...[...used].map((cell) => ({ cell, control: true }))];
}

/** The samples of the first round. */
export function firstRound(cellCount: number, seed: number): ScheduledVariant[] {
  return scheduleBlock(cellCount, 0, seed)
    .filter(({ round }) => round === 0)
    .map(({ order, variant }) => ({ cell: variant, control: false, round: 0, order }));
}

/** The samples of block `block` of the paired rounds: rounds `1 + 2 block` and `2 + 2 block`. */
export function pairedBlock(variants: readonly Variant[], cellCount: number, block: number, seed: number) {
  return scheduleBlock(variants.length, block, seed).map(
    ({ order, round, variant }): ScheduledVariant => ({
      ...variants[variant]!,
      round: 1 + round,
      order: cellCount + order,
    }),
  );
}

/** How many paired rounds a block has. */
export { ROUNDS_A_BLOCK };
