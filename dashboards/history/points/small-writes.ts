/** Point 2: the cache alone did not help writes smaller than a cluster; batching the sync after a copy did. */
import { formatCount } from '../../reading/quantities.ts';
import { barRows, barsOf, barTable, stageIds } from '../bars.ts';
import { counter, say, times } from '../figures.ts';
import type { HistoryRun } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { stageBars } from '../specs.ts';

const PART = 'random-write';
const COLOURS = { syncs: 'blue' } as const;

function syncsAt(run: HistoryRun, stage: string) {
  return counter(run, { part: PART, stage, mode: 'writeback' }, 'fsyncs');
}

const bars = (run: HistoryRun) => barsOf('Writeback', stageIds(run), (stage) => ({ syncs: syncsAt(run, stage) }));

export const smallWrites: Point = {
  id: 'small-writes',
  title: 'What do writes smaller than a cluster cost?',
  reading:
    'Random 4 KiB writes to an empty disk with one guest flush at the end. Each copies or fills the rest of its cluster; S1 still syncs after every such copy, S2 defers that sync until the next table is written out.',
  spec: stageBars('syncs of the whole run', ['Writeback'], COLOURS),
  rows: (run) => barRows(bars(run), formatCount),
  table: (run) => barTable('Syncs of random 4 KiB writes', bars(run), 'count'),
  claims: (run) => [
    claim('The cache alone (S1) saves less than a tenth here.', () => {
      const [before, after] = [syncsAt(run, 'S0'), syncsAt(run, 'S1')];
      return {
        found: say`S0 needs ${before} syncs, S1 ${after}: ${times(after, before)} of them.`,
        holds: after.value > 0.9 * before.value,
      };
    }),
    claim('Batching the sync after a copy (S2) saves more than half.', () => {
      const [before, after] = [syncsAt(run, 'S1'), syncsAt(run, 'S2')];
      const writes = counter(run, { part: PART, stage: 'S2', mode: 'writeback' }, 'guest.writes');
      return {
        found: say`From ${before} syncs in S1 to ${after} in S2, for ${writes} guest writes.`,
        holds: after.value * 2 < before.value,
      };
    }),
  ],
};
