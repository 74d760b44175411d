/** Point 6: the cache made snapshots dear in writethrough mode; S4b took that back, but one sync for every cluster stayed. */
import { formatCount } from '../../reading/quantities.ts';
import { barRows, barsOf, barTable, stageIds } from '../bars.ts';
import { counter, type Figure, product, say, sum, waits } from '../figures.ts';
import type { HistoryRun, Place } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { type Colours, stageBars } from '../specs.ts';

const PANELS = { 'snapshot-few': 'Few L2 tables', 'snapshot-many': 'Many L2 tables' } as const;
const WORDS = { 'snapshot-few': 'few L2 tables', 'snapshot-many': 'many L2 tables' } as const;
const PARTS = Object.keys(PANELS) as (keyof typeof PANELS)[];
const STEPS = { create: 'snapshot-create', apply: 'snapshot-apply', delete: 'snapshot-delete' } as const;
const COLOURS: Colours = { create: 'blue', apply: 'orange', delete: 'purple' };

const placeOf = (part: string, stage: string): Place => ({ part, stage, mode: 'writethrough' });

function pieces(run: HistoryRun, part: string, stage: string): Record<string, Figure> {
  const entries = Object.entries(STEPS).map(([step, request]) => [step, waits(run, placeOf(part, stage), request)]);
  return Object.fromEntries(entries);
}

function allSteps(run: HistoryRun, part: string, stage: string): Figure {
  const { create, apply, delete: last } = pieces(run, part, stage) as Record<keyof typeof STEPS, Figure>;
  return sum(create, apply, last);
}

const bars = (run: HistoryRun) =>
  PARTS.flatMap((part) => barsOf(PANELS[part], stageIds(run), (stage) => pieces(run, part, stage)));

function restored(run: HistoryRun, part: keyof typeof PANELS) {
  const [s0, s1, s4a, s4b] = ['S0', 'S1', 'S4a', 'S4b'].map((stage) => allSteps(run, part, stage)) as [
    Figure,
    Figure,
    Figure,
    Figure,
  ];
  return { s0, s1, s4a, s4b };
}

export const snapshotPrice: Point = {
  id: 'snapshot-price',
  title: 'What does a snapshot cost in writethrough?',
  reading:
    'Waits for the disk (syncs plus O_DSYNC writes) to take, apply and delete one snapshot in writethrough. S4b runs these walks with its caches in writeback, whatever the mode.',
  spec: stageBars('waits for the disk', Object.values(PANELS), COLOURS),
  rows: (run) => barRows(bars(run), formatCount),
  table: (run) => barTable('Syncs and O_DSYNC writes of one snapshot, in writethrough', bars(run), 'count'),
  claims: (run) => [
    ...PARTS.map((part) =>
      claim(`S1 made snapshots more expensive (${WORDS[part]}).`, () => {
        const { s0, s1 } = restored(run, part);
        return { found: say`${s0} waits in S0, ${s1} in S1.`, holds: s1.value > s0.value };
      }),
    ),
    ...PARTS.map((part) =>
      claim(`S4b brings them back to within a quarter of S0 (${WORDS[part]}).`, () => {
        const { s0, s4a, s4b } = restored(run, part);
        return {
          found: say`From ${s4a} waits in S4a to ${s4b} in S4b; S0 needed ${s0}.`,
          holds: s4b.value < s4a.value && s4b.value <= 1.25 * s0.value,
        };
      }),
    ),
    claim('One sync per cluster of the walk remained.', () => {
      const place = placeOf('snapshot-few', 'S4b');
      const syncs = counter(run, place, 'byRequest.snapshot-create.fsyncs');
      const clusters = product(
        counter(run, place, 'workload.parameters.l2Tables'),
        counter(run, place, 'workload.parameters.clustersPerTable'),
      );
      return {
        found: say`Taking a snapshot of ${clusters} clusters takes ${syncs} syncs in S4b.`,
        holds: syncs.value >= clusters.value,
      };
    }),
  ],
};
