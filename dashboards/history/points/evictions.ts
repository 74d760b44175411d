/** Point 7: with more L2 tables in use than the cache holds, writeback falls back to about one sync a write. */
import type { Row } from '../../charts/question.ts';
import { counter, each, type Figure, say, without } from '../figures.ts';
import { counterAt, type HistoryRun, ifMeasured, NotMeasured, type Place } from '../history-run.ts';
import { claim, type Point } from '../point.ts';
import { stageLines } from '../specs.ts';

const STAGES = ['S0', 'S2'] as const;
/** L2 tables that the cache of every stage holds. */
const CAPACITY = 16;
/** The part in which all tables fit. */
const ALL_CACHED = 'tables-all-cached';

interface Measured {
  readonly tables: number;
  readonly place: Place;
  readonly perWrite: Figure;
}

/** L2 tables that the written span needs: a table has cluster size / 8 entries, of a cluster each. */
function tablesOf(run: HistoryRun, part: string): number {
  const record = run.parts.find(({ id }) => id === part)?.record;
  const clusterBytes = record?.cells[0]?.image.clusterSizeBytes ?? 0;
  return (record?.workload.diskSizeBytes ?? 0) / ((clusterBytes * clusterBytes) / 8);
}

function measuredAt(run: HistoryRun, part: string, stage: string): Measured {
  const place: Place = { part, stage, mode: 'writeback' };
  const perWrite = each(counter(run, place, 'fsyncs'), counter(run, place, 'guest.writes'));
  return { tables: tablesOf(run, part), place, perWrite };
}

function series(run: HistoryRun, stage: string): Measured[] {
  return run.parts
    .filter(({ id }) => /^tables-\d+$/.test(id))
    .flatMap(({ id }) => ifMeasured(() => measuredAt(run, id, stage)) ?? [])
    .sort((a, b) => a.tables - b.tables);
}

/** The most tables that fit, and the most that were measured. */
function extremes(run: HistoryRun): { fit: Measured; most: Measured } {
  const found = series(run, 'S2');
  const fit = found.findLast(({ tables }) => tables <= CAPACITY);
  const most = found.at(-1);
  if (fit === undefined || most === undefined || most.tables <= CAPACITY) throw new NotMeasured('tables');
  return { fit, most };
}

function rows(run: HistoryRun): Row[] {
  return STAGES.flatMap((stage) =>
    series(run, stage).map(({ tables, place, perWrite }) => ({
      x: tables,
      y: perWrite.value,
      stage,
      kind: `${tables} L2 tables in use`,
      writes: counterAt(run, place, 'guest.writes'),
      syncs: counterAt(run, place, 'fsyncs'),
      evictions: counterAt(run, place, 'tableCaches.l2.dirtyEvictions'),
      says: `${perWrite.shown} syncs a write`,
    })),
  );
}

const tablesText = (tables: number) => `${tables} L2 tables`;

export const evictions: Point = {
  id: 'evictions',
  title: 'What if more L2 tables are in use than the cache holds?',
  reading:
    'Random writes of whole 4 KiB clusters (a table then maps 2 MiB) in writeback, over more and more L2 tables; one guest flush at the end. The cache holds 16 tables (dashed); each eviction scan halves every table’s hit count, so a table may be evicted before the cache is full. Creating a table costs syncs too, in every stage.',
  spec: stageLines({ x: 'L2 tables in use', y: 'syncs a write', yScale: 'linear' }, STAGES, CAPACITY),
  rows,
  table: (run) => ({
    caption: 'Random writes over more and more L2 tables, in writeback',
    columns: [
      { label: 'Stage', quantity: 'text' },
      { label: 'L2 tables', quantity: 'count' },
      { label: 'Guest writes', quantity: 'count' },
      { label: 'Syncs', quantity: 'count' },
      { label: 'Dirty tables evicted', quantity: 'count' },
    ],
    rows: rows(run).map(
      ({ stage, x, writes, syncs, evictions: out }) => [stage, x, writes, syncs, out] as (string | number)[],
    ),
  }),
  claims: (run) => [
    claim(
      'While all tables fit, a write costs less than half a sync; beyond that it costs more, and dirty tables are evicted.',
      () => {
        const { fit, most } = extremes(run);
        const out = counter(run, most.place, 'tableCaches.l2.dirtyEvictions');
        return {
          found: say`S2 needs ${fit.perWrite} syncs a write with ${tablesText(fit.tables)} and ${most.perWrite} with ${tablesText(most.tables)}, where ${out} dirty tables were evicted.`,
          holds: fit.perWrite.value < 0.5 && most.perWrite.value > 0.5 && out.value > 0,
        };
      },
    ),
    claim(
      'A larger cache alone would not have helped: tables are replaced while slots of the cache are still empty.',
      () => {
        const { most } = extremes(run);
        const roomy = measuredAt(run, ALL_CACHED, 'S2');
        if (roomy.tables !== most.tables) throw new NotMeasured(ALL_CACHED);
        const l2 = (name: string) => counter(run, roomy.place, `tableCaches.l2.${name}`);
        const filled = without(l2('misses'), l2('evictions'));
        return {
          found: say`With a cache for all ${tablesText(roomy.tables)}: ${roomy.perWrite} syncs a write, ${l2('evictions')} tables replaced, and only ${filled} slots ever in use.`,
          holds: filled.value < roomy.tables,
        };
      },
    ),
  ],
};
