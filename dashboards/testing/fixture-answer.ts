/** FIXTURE, not a measurement: the record of all tests with times on modelled devices, and with what a power cut does by operation. */
import type { Cell, RunRecord } from '../../results/record.ts';
import { fixtureRecord } from './fixture-record.ts';

/** Seconds for legacy, writethrough and writeback: on one device the ranking is another one. */
export const MODELLED_SECONDS: Readonly<Record<string, readonly [number, number, number]>> = {
  'hdd-7200': [385.5, 716.6, 195.3],
  'sata-ssd-no-plp': [67, 184, 53.6],
  'network-block': [53.6, 115.6, 37.6],
  'nvme-plp': [2.03, 4.74, 2.53],
};

type Safety = NonNullable<Cell['safety']>;

function safetyOf(index: number): Safety {
  const operation = (name: string, onSnapshot: boolean, survives: boolean) => ({
    operation: name,
    onSnapshot,
    verdict: survives ? ('survived' as const) : ('violated' as const),
    distinctStates: 12,
    violations: survives ? {} : { corrupt: 3 },
  });
  return {
    workload: {
      verdict: 'survived',
      explored: 'the first 48 requests of this workload, on 4096-byte clusters',
      ...{ epochs: 90, exhaustiveEpochs: 90, states: 8000, distinctStates: [3932, 935, 7704][index] ?? 0 },
      ...{ violations: {}, maxLeakedClusters: 0 },
    },
    operations: [
      operation('overwrite', false, true),
      operation('discard', false, true),
      operation('snapshot-create', false, index === 1),
      operation('snapshot-delete', true, false),
    ],
    exploredOperations: 'each operation alone, then an allocation and a flush, on 4096-byte clusters',
  };
}

/** Pass `change` to alter a copy for one test. */
export function answeredRecord(change: (record: RunRecord) => void = () => undefined): RunRecord {
  return fixtureRecord((record) => {
    record.cells.forEach((cell, index) => {
      cell.modelledNs = Object.fromEntries(
        Object.entries(MODELLED_SECONDS).map(([name, seconds]) => [name, Math.round(seconds[index]! * 1e9)]),
      );
      if (cell.exact !== null) cell.exact.workingSyncs = Math.ceil(cell.exact.fsyncs / 2);
      cell.safety = safetyOf(index);
    });
    change(record);
  });
}

/** The same policies under two workloads, the second of which with and without guest flushes: there writeback is the slowest. */
export function matrixRecord(): RunRecord {
  return answeredRecord((record) => {
    const { workload, cells } = record;
    record.furtherWorkloads = [
      { ...workload, name: 'made-up-updates', title: 'Fixture: updates', guestFlush: 'recorded' },
      { ...workload, name: 'made-up-updates', title: 'Fixture: updates', guestFlush: 'none' },
    ];
    workload.guestFlush = 'recorded';
    record.cells = [undefined, 1, 2].flatMap((under) =>
      cells.map((cell): Cell => {
        const copy = structuredClone(cell);
        if (under === undefined) return copy;
        if (cell.policy.name === 'writeback')
          for (const name of Object.keys(copy.modelledNs!)) copy.modelledNs![name]! *= 100;
        return { ...copy, workload: under, id: `${cell.id}, workload ${under}` };
      }),
    );
  });
}
