/** Point 3: the first writes after a snapshot are batched in no stage. */
import { formatShort } from '../../reading/quantities.ts';
import { barRows, barsOf, barTable, stageIds } from '../bars.ts';
import { counter, each, type Figure, product, say } from '../figures.ts';
import { type HistoryRun, NotMeasured, type Place, stagesIn } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { stageBars } from '../specs.ts';

const PART = 'snapshot-few';
const PLAIN = 'random-write';
const AFTER = 'First writes after a snapshot';
const WITHOUT = 'Writes without a snapshot';

/**
 * Syncs of a write that finds its cluster shared: one a cluster after the snapshot was made, one a cluster after it was
 * applied. The writes between them find clusters of their own and cost nothing; flushes are not counted here.
 */
function shared(run: HistoryRun, stage: string): Figure {
  const place: Place = { part: PART, stage, mode: 'writeback' };
  const syncs = counter(run, place, 'byRequest.write.fsyncs');
  const [tables, clusters] = ['l2Tables', 'clustersPerTable'].map((name) =>
    counter(run, place, `workload.parameters.${name}`),
  ) as [Figure, Figure];
  const value = syncs.value / tables.value / clusters.value / 2;
  return { value, shown: formatShort(value), from: `${syncs.from} / ${tables.from} / ${clusters.from} / 2` };
}

function plain(run: HistoryRun, stage: string): Figure {
  const place: Place = { part: PLAIN, stage, mode: 'writeback' };
  return each(counter(run, place, 'byRequest.write.fsyncs'), counter(run, place, 'guest.writes'));
}

const bars = (run: HistoryRun) => [
  ...barsOf(WITHOUT, stageIds(run), (stage) => ({ 'syncs a write': plain(run, stage) })),
  ...barsOf(AFTER, stageIds(run), (stage) => ({ 'syncs a write': shared(run, stage) })),
];

/** The figure of the cached stage where it is lowest. */
function lowest(run: HistoryRun, part: string, of: (stage: string) => Figure): { stage: string; figure: Figure } {
  const found = stagesIn(run, part, 'writeback')
    .filter((stage) => stage !== 'S0')
    .map((stage) => ({ stage, figure: of(stage) }))
    .sort((a, b) => a.figure.value - b.figure.value)[0];
  if (found === undefined) throw new NotMeasured(part);
  return found;
}

export const afterSnapshot: Point = {
  id: 'after-snapshot',
  title: 'What do the first writes after a snapshot cost?',
  reading:
    'Syncs that a 4 KiB write causes in writeback without any guest flush in between. Allocating the copy needs refcounts before tables, freeing the shared cluster needs tables before refcounts, and there is only one dependency for a whole cache.',
  spec: stageBars('syncs a write', [WITHOUT, AFTER], { 'syncs a write': 'blue' }),
  rows: (run) => barRows(bars(run), formatShort),
  table: (run) => barTable('Syncs that a write causes, in writeback', bars(run), 'count'),
  claims: (run) => [
    claim('No stage with a cache gets below one sync for a first write.', () => {
      const { stage, figure } = lowest(run, PART, (id) => shared(run, id));
      const place: Place = { part: PART, stage, mode: 'writeback' };
      const clusters = product(
        counter(run, place, 'workload.parameters.l2Tables'),
        counter(run, place, 'workload.parameters.clustersPerTable'),
      );
      return {
        found: say`The lowest is ${figure} syncs a write (${stage}, each of ${clusters} clusters written once after the snapshot was taken and once after it was applied); S0 needs ${shared(run, 'S0')}.`,
        holds: figure.value >= 1,
      };
    }),
    claim('Without a snapshot a stage gets below half a sync for a write of this size.', () => {
      const { stage, figure } = lowest(run, PLAIN, (id) => plain(run, id));
      return { found: say`The lowest is ${figure} syncs a write, in ${stage}.`, holds: figure.value < 0.5 };
    }),
  ],
};
