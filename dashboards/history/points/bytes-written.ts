/** Point 5: with whole tables written through, writethrough writes several times the bytes of S0's sectors. */
import { formatBytes } from '../../reading/quantities.ts';
import { barRows, barsOf, barTable, stageIds } from '../bars.ts';
import { bytesOf, type Figure, say, times } from '../figures.ts';
import type { HistoryRun, Place } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { type Colours, stageBars } from '../specs.ts';

const PART = 'sequential-write';
const PANEL = 'Writethrough';
const MIB = 1024 ** 2;
const KINDS: Readonly<Record<string, string>> = {
  'guest data': 'data',
  'L2 tables': 'l2',
  'refcount blocks': 'refcount-block',
};
const COLOURS: Colours = { 'guest data': 'blue', 'L2 tables': 'orange', 'refcount blocks': 'purple' };

const placeOf = (stage: string): Place => ({ part: PART, stage, mode: 'writethrough' });

function pieces(run: HistoryRun, stage: string): Record<string, Figure> {
  const entries = Object.entries(KINDS).map(([name, kind]) => [
    name,
    bytesOf(run, placeOf(stage), `byKind.${kind}.writeBytes`),
  ]);
  return Object.fromEntries(entries);
}

const bars = (run: HistoryRun) => barsOf(PANEL, stageIds(run), (stage) => pieces(run, stage));

export const bytesWritten: Point = {
  id: 'bytes-written',
  title: 'How much does writethrough write?',
  reading:
    'Whole clusters written in sequence, each newly allocated, in writethrough. S0 writes the 512-byte sectors of a table that changed; from S1 on a table is written whole each time it is released.',
  spec: stageBars('MiB written', [PANEL], COLOURS),
  rows: (run) => barRows(bars(run), formatBytes, MIB),
  table: (run) => barTable('Bytes written by sequential allocating writes, in writethrough', bars(run), 'bytes'),
  claims: (run) => [
    claim('The cache more than doubled the bytes that writethrough writes.', () => {
      const [before, after] = ['S0', 'S1'].map((stage) => bytesOf(run, placeOf(stage), 'writeBytes')) as [
        Figure,
        Figure,
      ];
      const guest = bytesOf(run, placeOf('S1'), 'guest.writeBytes');
      return {
        found: say`For ${guest} of guest data S0 writes ${before} and S1 ${after}, ${times(after, before)}.`,
        holds: after.value > 2 * before.value,
      };
    }),
    claim('No later stage reverses that.', () => {
      const [first, last] = ['S1', 'S4b'].map((stage) => bytesOf(run, placeOf(stage), 'writeBytes')) as [
        Figure,
        Figure,
      ];
      return { found: say`S1 writes ${first}, S4b ${last}.`, holds: last.value >= first.value };
    }),
  ],
};
