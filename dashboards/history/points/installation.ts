/** The recorded installation, with the flushes of a guest of today and without, as a guest of 2011 had it. */
import { formatCount } from '../../reading/quantities.ts';
import { barRows, barsOf, barTable, stageIds } from '../bars.ts';
import { counter, type Figure, say, times } from '../figures.ts';
import type { HistoryRun, Place } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { stageBars } from '../specs.ts';

const FLUSHED = 'install';
const UNFLUSHED = 'install-unflushed';
const PANELS = { [UNFLUSHED]: 'Guest without flushes, writeback', [FLUSHED]: 'Guest flushes as recorded, writeback' };

function syncsAt(run: HistoryRun, part: string, stage: string): Figure {
  return counter(run, { part, stage, mode: 'writeback' }, 'fsyncs');
}

const bars = (run: HistoryRun) =>
  Object.entries(PANELS).flatMap(([part, panel]) =>
    barsOf(panel, stageIds(run), (stage) => ({ syncs: syncsAt(run, part, stage) })),
  );

export const installation: Point = {
  id: 'installation',
  title: 'One installation, two guests: with and without flushes',
  reading:
    'The recorded installation of a Debian system in writeback. The commits were made for guests that never flush; a current guest flushes all the time. Both make the same writes.',
  spec: stageBars('syncs', Object.values(PANELS), { syncs: 'blue' }),
  rows: (run) => barRows(bars(run), formatCount),
  table: (run) => barTable('Syncs of the installation, in writeback', bars(run), 'count'),
  claims: (run) => [
    claim('For a guest that does not flush, S2 saves more than half of the syncs.', () => {
      const [s0, s1, s2] = ['S0', 'S1', 'S2'].map((stage) => syncsAt(run, UNFLUSHED, stage)) as [
        Figure,
        Figure,
        Figure,
      ];
      return { found: say`S0 ${s0}, S1 ${s1}, S2 ${s2} syncs.`, holds: s2.value * 2 < s0.value };
    }),
    claim('For a guest that flushes, the cache made the same installation more expensive, and S4b still is.', () => {
      const [s0, s1, s4b] = ['S0', 'S1', 'S4b'].map((stage) => syncsAt(run, FLUSHED, stage)) as [
        Figure,
        Figure,
        Figure,
      ];
      return {
        found: say`S0 ${s0}, S1 ${s1} (${times(s1, s0)}), S4b ${s4b} (${times(s4b, s0)}) syncs.`,
        holds: s1.value > s0.value && s4b.value > s0.value,
      };
    }),
    claim('Both guests write the same.', () => {
      const [flushed, unflushed] = [FLUSHED, UNFLUSHED].map((part) => {
        const place: Place = { part, stage: 'S0', mode: 'writeback' };
        return { writes: counter(run, place, 'guest.writes'), flushes: counter(run, place, 'guest.flushes') };
      }) as [Served, Served];
      return {
        found: say`${flushed.writes} writes with ${flushed.flushes} flushes, ${unflushed.writes} writes with ${unflushed.flushes}.`,
        holds: flushed.writes.value === unflushed.writes.value,
      };
    }),
  ],
};

interface Served {
  readonly writes: Figure;
  readonly flushes: Figure;
}
