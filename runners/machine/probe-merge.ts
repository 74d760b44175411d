/** Two probes of the same storage as one: storage that changed its pace during a run cost something in between. */
import { mergeHistograms } from '../../results/histogram.ts';
import type { Histogram } from '../../results/record.ts';
import { PROBED, type Probed, type StorageProbe } from './probe.ts';

/** Latencies of both; what is judged of the storage is the first one's. */
export function mergeProbes(first: StorageProbe, second: StorageProbe): StorageProbe {
  const latencies = PROBED.map((name): [Probed, Histogram | null] => {
    const [a, b] = [first.latencies[name], second.latencies[name]];
    return [name, a === null || b === null ? (a ?? b) : mergeHistograms(a, b)];
  });
  return {
    ...first,
    rounds: first.rounds + second.rounds,
    latencies: Object.fromEntries(latencies) as StorageProbe['latencies'],
  };
}
