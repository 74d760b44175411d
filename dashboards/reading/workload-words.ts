/** What tells the workloads of one run from each other, in words: their names, and how often the guest flushes. */
import type { RunRecord } from '../../results/record.ts';
import { workloadLabel } from './workload-label.ts';

type Workload = RunRecord['workload'];

/** One for each workload of the run, in its order, all different; empty texts for one workload. */
export function workloadWords({ workload, furtherWorkloads = [] }: RunRecord): string[] {
  const all = [workload, ...furtherWorkloads];
  if (all.length === 1) return [''];
  const varies = (of: (one: Workload) => string) => new Set(all.map(of)).size > 1;
  const words = all.map((one) =>
    [
      ...(varies(({ name }) => name) ? [one.name] : []),
      ...(varies(({ guestFlush }) => guestFlush) ? [flushWords(one)] : []),
    ].join(', '),
  );
  return new Set(words).size === all.length ? words : all.map((one) => workloadLabel({ workload: one }));
}

function flushWords({ guestFlush }: Workload): string {
  if (guestFlush === 'recorded') return 'guest flushes';
  return guestFlush === 'none' ? 'no guest flush' : `flush ${guestFlush}`;
}

/** The names of all workloads of a run: the one, or how many. */
export function workloadsTitle({ workload, furtherWorkloads = [] }: RunRecord): string {
  if (furtherWorkloads.length === 0) return workload.title;
  const all = [workload, ...furtherWorkloads];
  const names = [...new Set(all.map(({ name }) => name))];
  const flushes = new Set(all.map(({ guestFlush }) => guestFlush)).size;
  const flushed = flushes > 1 ? `, ${flushes} ways of guest flushing` : '';
  return `${names.length === 1 ? workload.title : names.join(', ')}${flushed}`;
}
