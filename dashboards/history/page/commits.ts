/**
 * What each commit bought and what it made worse: every workload and mode that was measured before and after it, as a ratio of
 * waits for the disk (syncs, and O_DSYNC writes where there are any).
 */
import type { TopLevelSpec } from 'vega-lite';
import { DOT, logAxis, PANEL_HEADER, RATIO_LABEL, SCHEMA } from '../../charts/encodings.ts';
import type { DataTable, Row } from '../../charts/question.ts';
import { formatRatio, formatShare, formatShort } from '../../reading/quantities.ts';
import { counter, type Figure, type Sentence, say, waits } from '../figures.ts';
import { type HistoryRun, type HistoryStage, ifMeasured, MODES, type Mode, wideParts } from '../history-run.ts';
import { colourBy, MODE_COLOURS } from '../specs.ts';

/** A change below this is reported as none. */
const FLOOR = 0.02;
/** Effects that the text names; the chart and its table have all. */
const MOST_NAMED = 3;

export interface Effect {
  readonly part: string;
  readonly title: string;
  readonly mode: Mode;
  readonly before: Figure;
  readonly after: Figure;
  /** after / before. */
  readonly ratio: number;
}

export interface Commit {
  readonly stage: HistoryStage;
  readonly before: HistoryStage;
  /** Largest saving first. */
  readonly effects: readonly Effect[];
}

/** Every stage but the first, with what changed since the one before it. */
export function commitsOf(run: HistoryRun): Commit[] {
  return run.stages.slice(1).map((stage, index) => {
    const before = run.stages[index]!;
    return { stage, before, effects: effectsOf(run, before.id, stage.id) };
  });
}

function effectsOf(run: HistoryRun, before: string, after: string): Effect[] {
  const places = wideParts(run).flatMap(({ id, title }) => MODES.map((mode) => ({ part: id, title, mode })));
  const effects = places.flatMap(({ part, title, mode }) => {
    const compared = ifMeasured(() => {
      const [old, now] = [before, after].map((stage) => waitsIn(run, part, stage, mode)) as [Figure, Figure];
      return { part, title, mode, before: old, after: now, ratio: now.value / old.value };
    });
    return compared === null || compared.before.value === 0 ? [] : [compared];
  });
  return effects.sort((a, b) => a.ratio - b.ratio);
}

/** Syncs; where writes are durable on return, these too. */
function waitsIn(run: HistoryRun, part: string, stage: string, mode: Mode): Figure {
  const place = { part, stage, mode };
  return mode === 'writethrough' ? waits(run, place) : counter(run, place, 'fsyncs');
}

/** One effect in words. */
export function effectText({ title, mode, before, after }: Effect): Sentence {
  const noun = mode === 'writethrough' ? 'syncs and O_DSYNC writes' : 'syncs';
  const words =
    after.value < before.value
      ? `${formatShare((before.value - after.value) / before.value)} fewer`
      : `${formatShort(after.value / before.value)} times as many`;
  return say`${title}, ${mode}: ${before} → ${after} ${noun} (${words})`;
}

export interface Told {
  readonly bought: readonly Effect[];
  readonly worse: readonly Effect[];
  /** Effects of either kind that are not named. */
  readonly further: number;
  /** Workloads and modes whose waits changed by less than a fiftieth. */
  readonly same: number;
}

/** The strongest effects on either side. */
export function told({ effects }: Commit): Told {
  const bought = effects.filter(({ ratio }) => ratio < 1 - FLOOR);
  const worse = effects.filter(({ ratio }) => ratio > 1 + FLOOR).reverse();
  const named = [bought, worse].map((list) => list.slice(0, MOST_NAMED)) as [Effect[], Effect[]];
  return {
    bought: named[0],
    worse: named[1],
    further: bought.length + worse.length - named[0].length - named[1].length,
    same: effects.length - bought.length - worse.length,
  };
}

function panelOf({ stage }: Commit): string {
  return `${stage.id}: ${stage.title}`;
}

export function commitRows(commits: readonly Commit[]): Row[] {
  return commits.flatMap((commit) =>
    commit.effects.map(({ title, mode, before, after, ratio }) => ({
      panel: panelOf(commit),
      workload: title,
      mode,
      ratio,
      before: before.value,
      after: after.value,
      says: `${before.shown} → ${after.shown} (${formatRatio(ratio)})`,
    })),
  );
}

export function commitTable(commits: readonly Commit[]): DataTable {
  return {
    caption:
      'Waits for the disk before and after each commit: syncs in writeback, syncs and O_DSYNC writes in writethrough',
    columns: [
      { label: 'Commit', quantity: 'text' },
      { label: 'Workload', quantity: 'text' },
      { label: 'Mode', quantity: 'text' },
      { label: 'Before', quantity: 'count' },
      { label: 'After', quantity: 'count' },
      { label: 'After / before', quantity: 'ratio' },
    ],
    rows: commitRows(commits).map(
      ({ panel, workload, mode, before, after, ratio }) =>
        [panel, workload, mode, before, after, ratio] as (string | number)[],
    ),
  };
}

/** Where space is short, only the stage. */
const COMMIT_HEADER = {
  ...PANEL_HEADER,
  labelLimit: 560,
  labelExpr: "narrow ? split(datum.label, ':')[0] : datum.label",
} as const;

export function commitSpec(commits: readonly Commit[]): TopLevelSpec {
  return {
    $schema: SCHEMA,
    data: { name: 'rows' },
    columns: 1,
    spacing: 30,
    facet: {
      field: 'panel',
      type: 'nominal',
      title: null,
      sort: commits.map(panelOf),
      header: COMMIT_HEADER,
    },
    spec: {
      width: 600,
      height: { step: 19 },
      layer: [
        {
          mark: { type: 'rule', strokeDash: [4, 4] },
          encoding: { x: { datum: 1 } },
        },
        {
          mark: DOT,
          encoding: {
            y: {
              field: 'workload',
              type: 'nominal',
              sort: null,
              title: null,
              axis: { ticks: false, domain: false, grid: true, labelLimit: { expr: 'narrow ? 130 : 340' } },
            },
            x: {
              field: 'ratio',
              type: 'quantitative',
              title: 'waits for the disk, after / before',
              scale: { type: 'log', nice: false, padding: 14 },
              axis: logAxis('x', RATIO_LABEL),
            },
            color: colourBy('mode', MODE_COLOURS),
            shape: { field: 'mode', type: 'nominal', title: null, scale: { domain: Object.keys(MODE_COLOURS) } },
            tooltip: [
              { field: 'panel', title: 'commit' },
              { field: 'workload', title: 'workload' },
              { field: 'mode', title: 'mode' },
              { field: 'says', title: 'waits' },
            ],
          },
        },
      ],
    },
  };
}
