/** A workload in words: its name, and what it was asked to do. Equal words, equal requests. */
import type { RunRecord } from '../../results/record.ts';

export function workloadLabel({ workload: w }: Pick<RunRecord, 'workload'>): string {
  const parameters = Object.entries(w.parameters).map(([name, value]) => `${name} ${value}`);
  const further = [
    ...(w.discard === 'ignore' ? [] : [`discard ${w.discard}`]),
    ...(w.pace === undefined ? [] : [`pace ${w.pace}`]),
    ...(w.seed === 1 ? [] : [`seed ${w.seed}`]),
  ];
  return [w.name, `flush ${w.guestFlush}`, ...parameters, ...further].join(', ');
}
