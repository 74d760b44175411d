/**
 * One sample, in a process of its own: argv is a layout and a capacity, stdout gets nanoseconds by operation. A process sees one
 * layout only, as a run of the engine does; with two in one process every call would be compiled for both.
 */
import { Bench } from 'tinybench';
import type { HistoricalLayout } from '../../../engine/cache/entry-store.ts';
import { OPERATIONS_PER_CALL, operations, sink } from './operations.ts';

/** Milliseconds for each operation; the calls of one sample. */
const MEASURED_MS = 60;
const WARM_UP_MS = 30;

const [layout, capacity] = process.argv.slice(2);
const bench = new Bench({
  time: MEASURED_MS,
  warmupTime: WARM_UP_MS,
  throws: true,
  timestampProvider: 'hrtimeNow',
});
for (const { name, call } of operations(layout as HistoricalLayout, Number(capacity)))
  bench.add(name, call, { async: false });
bench.runSync();
const nanoseconds: Record<string, number> = {};
for (const task of bench.tasks) {
  if (task.result.state !== 'completed') throw new Error(`${task.name}: ${task.result.state}`);
  nanoseconds[task.name] = (task.result.latency.p50 * 1e6) / OPERATIONS_PER_CALL;
}
if (!Number.isFinite(sink.value)) throw new Error('an operation computed no number');
console.log(JSON.stringify(nanoseconds));
