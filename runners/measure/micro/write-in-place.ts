/**
 * What a write of 4 KiB in place costs with few and with many cached L2 slices: the same, as nothing may look at all of them. Every
 * sample is a fresh process, and the two sizes take turns.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { ROUNDS_A_BLOCK, scheduleBlock } from '../../../results/comparison-schedule.ts';
import { median, pairedRatio, type RatioInterval } from '../../../results/statistics.ts';

const FEW_SLICES = 16;
const MANY_SLICES = 16384;
const SEED = 1;

export interface WriteInPlace {
  readonly slices: readonly [few: number, many: number];
  /** Nanoseconds a write, a value a round. */
  readonly samplesNs: readonly [readonly number[], readonly number[]];
  /** With many / with few. */
  readonly ratio: RatioInterval;
}

function sample(slices: number): number {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const words = [path.join(import.meta.dirname, 'write-in-place-sample.ts'), String(slices)];
  const output = execFileSync(process.execPath, words, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] });
  return (JSON.parse(output) as { nanoseconds: number }).nanoseconds;
}

/** Measures in `rounds` rounds, an even number. */
export function measureWriteInPlace(rounds: number, few = FEW_SLICES, many = MANY_SLICES): WriteInPlace {
  const slices = [few, many] as const;
  const samplesNs: [number[], number[]] = [[], []];
  for (let block = 0; block < rounds / ROUNDS_A_BLOCK; block++) {
    for (const { round, variant } of scheduleBlock(slices.length, block, SEED)) {
      samplesNs[variant]![round] = sample(slices[variant]!);
    }
  }
  return { slices, samplesNs, ratio: pairedRatio(...samplesNs) };
}

/** The result as a line for people. */
export function writeInPlaceLine({ slices, samplesNs, ratio }: WriteInPlace): string {
  const [few, many] = slices.map(
    (count, index) => `${median(samplesNs[index]!).toFixed(0)} ns with ${count} cached slices`,
  );
  const interval = `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`;
  return `4 KiB write in place: ${few}, ${many}; ratio ${ratio.ratio.toFixed(2)} (${interval})`;
}
