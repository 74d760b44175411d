/** Point 1: the cache made a guest's flush more expensive, and pays off only with several allocations per flush. */

import type { Row } from '../../charts/question.ts';
import { counted } from '../../reading/quantities.ts';
import { counter, each, type Figure, say } from '../figures.ts';
import { counterAt, type HistoryRun, ifMeasured, NotMeasured, type Place } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { stageLines } from '../specs.ts';

const STAGES = ['S0', 'S1', 'S2'] as const;
const CLEAN = 'clean-flush';

function cleanFlush(run: HistoryRun, stage: string): Figure {
  const place: Place = { part: CLEAN, stage, mode: 'writeback' };
  return each(counter(run, place, 'byRequest.flush.fsyncs'), counter(run, place, 'guest.flushes'));
}

interface Measured {
  readonly everyWrites: number;
  readonly place: Place;
  readonly syncs: Figure;
}

/** The parts that write the same and flush more or less often, fewest writes to a flush first. */
function series(run: HistoryRun, stage: string): Measured[] {
  const found = run.parts.flatMap(({ id: part }) => {
    if (!part.startsWith('flush-every-')) return [];
    const place: Place = { part, stage, mode: 'writeback' };
    return ifMeasured(() => ({ place, syncs: counter(run, place, 'fsyncs'), everyWrites: everyOf(run, place) })) ?? [];
  });
  return found.sort((a, b) => a.everyWrites - b.everyWrites);
}

function everyOf(run: HistoryRun, place: Place): number {
  return counterAt(run, place, 'workload.parameters.flushEvery');
}

/** S0 and S2 where the flushes are densest, and the first part where S2 needs fewer syncs. */
function crossing(run: HistoryRun): { dense: Measured; old: Measured; from: Measured | null } {
  const [old, cached] = [series(run, 'S0'), series(run, 'S2')];
  const [dense] = cached;
  if (dense === undefined || old.length !== cached.length) throw new NotMeasured('flush-every');
  const from = cached.find(({ syncs }, index) => syncs.value < old[index]!.syncs.value) ?? null;
  return { dense, old: old[0]!, from };
}

function rows(run: HistoryRun): Row[] {
  return STAGES.flatMap((stage) =>
    series(run, stage).map(({ everyWrites, place, syncs }) => ({
      x: everyWrites,
      y: counterAt(run, place, 'fsyncs') / counterAt(run, place, 'guest.writes'),
      stage,
      kind: `a flush after ${counted(everyWrites, 'write')}`,
      syncs: syncs.value,
      writes: counterAt(run, place, 'guest.writes'),
      says: `${syncs.shown} syncs`,
    })),
  );
}

export const flushPrice: Point = {
  id: 'flush-price',
  title: 'What does a guest flush cost?',
  reading:
    'Random 4 KiB writes to an empty disk in writeback, with a guest flush after every write, or after several: syncs per write.',
  spec: stageLines({ x: 'guest writes per guest flush', y: 'syncs a guest write', yScale: 'log' }, STAGES),
  rows,
  table: (run) => ({
    caption: 'Random 4 KiB writes in writeback, flushed more or less often',
    columns: [
      { label: 'Stage', quantity: 'text' },
      { label: 'Writes per flush', quantity: 'count' },
      { label: 'Guest writes', quantity: 'count' },
      { label: 'Syncs', quantity: 'count' },
    ],
    rows: rows(run).map(({ stage, x, writes, syncs }) => [stage, x, writes, syncs] as (string | number)[]),
  }),
  claims: (run) => [
    claim('The flush of a clean image costs more syncs with the cache than without.', () => {
      const [before, after, last] = ['S0', 'S1', 'S4b'].map((stage) => cleanFlush(run, stage)) as [
        Figure,
        Figure,
        Figure,
      ];
      return {
        found: say`A flush with no metadata to write costs ${before} sync in S0, ${after} in S1 and ${last} in S4b.`,
        holds: after.value > before.value && last.value > before.value,
      };
    }),
    claim('The cache saves syncs only when a guest flush covers several writes, not when each is flushed.', () => {
      const { dense, old, from } = crossing(run);
      const every = counter(run, dense.place, 'workload.parameters.flushEvery');
      const start = say`With ${every} guest write${every.value === 1 ? '' : 's'} per flush S2 needs ${dense.syncs} syncs and S0 ${old.syncs}`;
      if (from === null) return { found: say`${start}; in no part of this run does S2 need fewer.`, holds: false };
      const first = counter(run, from.place, 'workload.parameters.flushEvery');
      return {
        found: say`${start}; S2 needs fewer from ${first} writes per flush on (of the distances measured).`,
        holds: from.everyWrites > 1,
      };
    }),
  ],
};
