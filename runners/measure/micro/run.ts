/**
 * `npm run micro`: nanoseconds of the table cache's operations and bytes of its entries, in both memory layouts. Every sample is a
 * fresh process, and the layouts take turns in an order that cancels drift; their ratio is taken within each round.
 */
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { textTable } from '../../../dashboards/text/text-table.ts';
import type { HistoricalLayout } from '../../../engine/cache/entry-store.ts';
import { ROUNDS_A_BLOCK, scheduleBlock } from '../../../results/comparison-schedule.ts';
import { median, pairedRatio, type RatioInterval } from '../../../results/statistics.ts';
import { operations } from './operations.ts';

export const CAPACITIES = [16, 64, 256, 1024] as const;
const LAYOUTS = ['unpacked', 'packed'] as const satisfies HistoricalLayout[];
/** A ratio nearer to 1 than this says nothing worth acting on. */
const FLOOR = 0.02;
const SEED = 1;

export interface OperationResult {
  readonly operation: string;
  readonly title: string;
  readonly capacity: number;
  /** Nanoseconds an operation, a value a round. */
  readonly samplesNs: Record<HistoricalLayout, readonly number[]>;
  readonly medianNs: Record<HistoricalLayout, number>;
  /** packed / unpacked. */
  readonly ratio: RatioInterval;
  readonly verdict: 'packed is faster' | 'unpacked is faster' | 'same' | 'unsure';
}

export interface EntryBytes {
  readonly capacity: number;
  readonly bytesPerEntry: Record<HistoricalLayout, number>;
}

export interface MicroResults {
  readonly node: string;
  readonly cpu: string;
  readonly rounds: number;
  readonly operations: readonly OperationResult[];
  readonly entries: readonly EntryBytes[];
}

/** Runs a script of this folder in a fresh process and returns the JSON that it prints. */
function inProcess<Output>(
  flags: readonly string[],
  script: string,
  layout: HistoricalLayout,
  capacity: number,
): Output {
  const words = [...flags, path.join(import.meta.dirname, script), layout, String(capacity)];
  const { NODE_OPTIONS: _, ...env } = process.env;
  return JSON.parse(
    execFileSync(process.execPath, words, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] }),
  ) as Output;
}

/** Measures everything in `rounds` rounds, an even number. */
export function runMicro(
  rounds: number,
  capacities: readonly number[] = CAPACITIES,
  onSample: (done: number, all: number) => void = () => {},
): MicroResults {
  const all = capacities.length * rounds * LAYOUTS.length;
  let done = 0;
  const measured = capacities.flatMap((capacity) => {
    const samples: Record<HistoricalLayout, Record<string, number>[]> = { packed: [], unpacked: [] };
    for (let block = 0; block < rounds / ROUNDS_A_BLOCK; block++) {
      for (const { round, variant } of scheduleBlock(LAYOUTS.length, block, SEED)) {
        const layout = LAYOUTS[variant]!;
        samples[layout][round] = inProcess<Record<string, number>>([], 'sample.ts', layout, capacity);
        onSample(++done, all);
      }
    }
    return operationResults(capacity, samples);
  });
  return {
    node: process.version,
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    rounds,
    operations: measured,
    entries: capacities.map((capacity) => ({
      capacity,
      bytesPerEntry: { packed: entryBytes('packed', capacity), unpacked: entryBytes('unpacked', capacity) },
    })),
  };
}

function entryBytes(layout: HistoricalLayout, capacity: number): number {
  return inProcess<{ bytesPerEntry: number }>(['--expose-gc'], 'entry-bytes.ts', layout, capacity).bytesPerEntry;
}

function operationResults(
  capacity: number,
  samples: Record<HistoricalLayout, readonly Record<string, number>[]>,
): OperationResult[] {
  return operations('packed', capacity).map(({ name, title }) => {
    const of = (layout: HistoricalLayout) => samples[layout].map((sample) => sample[name]!);
    const samplesNs = { packed: of('packed'), unpacked: of('unpacked') };
    const ratio = pairedRatio(samplesNs.unpacked, samplesNs.packed);
    const medianNs = { packed: median(samplesNs.packed), unpacked: median(samplesNs.unpacked) };
    return { operation: name, title, capacity, samplesNs, medianNs, ratio, verdict: verdictOf(ratio) };
  });
}

function verdictOf({ low, high }: RatioInterval): OperationResult['verdict'] {
  if (high < 1 - FLOOR) return 'packed is faster';
  if (low > 1 + FLOOR) return 'unpacked is faster';
  return low > 1 - FLOOR && high < 1 + FLOOR ? 'same' : 'unsure';
}

/** The results as lines for people. */
export function microTables(
  { node, cpu, rounds, operations: measured, entries }: MicroResults,
  width?: number,
): string[] {
  const speed = measured.map(({ operation, capacity, medianNs, ratio, verdict }) => [
    operation,
    String(capacity),
    medianNs.unpacked.toFixed(1),
    medianNs.packed.toFixed(1),
    ratio.ratio.toFixed(2),
    `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`,
    verdict,
  ]);
  const sizes = entries.map(({ capacity, bytesPerEntry }) => [
    String(capacity),
    bytesPerEntry.unpacked.toFixed(1),
    bytesPerEntry.packed.toFixed(1),
  ]);
  const titles = new Map(measured.map(({ operation, title }) => [operation, title]));
  return [
    `Nanoseconds an operation, median of ${rounds} rounds; ratio packed / unpacked with its 95 % interval. Node ${node}, ${cpu}`,
    ...textTable(['operation', 'tables', 'unpacked', 'packed', 'ratio', 'interval', 'verdict'], speed, width),
    '',
    ...[...titles].map(([name, title]) => `${name}: ${title}`),
    '',
    'Bytes an entry takes, measured: heap and buffers, without the table itself',
    ...textTable(['tables', 'unpacked', 'packed'], sizes, width),
  ];
}
