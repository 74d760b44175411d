/** Is it safe: which crash states were explored for each policy, and what went wrong in them. */
import type { CrashVerdict, RunRecord } from '../../results/record.ts';
import { SCHEMA } from '../charts/encodings.ts';
import { MATRIX_LAYERS, matrixRows, type Square } from '../charts/matrix.ts';
import { answered, type Question } from '../charts/question.ts';
import { countedCells } from '../reading/cells.ts';
import { formatCount } from '../reading/quantities.ts';

/** The classes of what can be wrong with a crash state, as a reader who does not know the record calls them. */
const CLASS_WORDS: Readonly<Record<string, string>> = {
  corrupt: 'corrupt',
  lost: 'data lost',
  foreign: 'stale or misplaced data',
  snapshot: 'snapshots altered',
  secondPhase: 'corrupted by later writes',
  repair: 'damaged by repair',
  copiedShared: 'COPIED set on shared clusters',
};

/** Of itself it breaks no promise; the next writes show whether it does harm. */
const HARMLESS_CLASS = 'copiedOnly';

function classWords(kind: string): string {
  return kind === HARMLESS_CLASS ? 'COPIED flags off (no violation)' : (CLASS_WORDS[kind] ?? kind);
}

function violated({ violations }: CrashVerdict): [kind: string, states: number][] {
  return Object.entries(violations).filter(([kind, states]) => kind !== HARMLESS_CLASS && states > 0);
}

interface Explored {
  readonly cell: string;
  readonly crash: CrashVerdict;
}

function exploredCells(record: RunRecord): Explored[] {
  return countedCells(record).flatMap(({ cell, label }) =>
    cell.crash === null ? [] : [{ cell: label, crash: cell.crash }],
  );
}

function squaresOf(record: RunRecord): Square[] {
  const explored = exploredCells(record);
  const kinds = [...new Set(explored.flatMap(({ crash }) => Object.keys(crash.violations)))];
  const square = (x: string, y: string, value: number) => ({
    panel: y === 'states explored' ? 'explored' : 'violations',
    x,
    y,
    value,
    shown: formatCount(value),
    says: `${formatCount(value)} crash states`,
  });
  return [
    ...explored.map(({ cell, crash }) => square(cell, 'states explored', crash.distinctStates)),
    ...kinds.flatMap((kind) =>
      explored.map(({ cell, crash }) => square(cell, classWords(kind), crash.violations[kind] ?? 0)),
    ),
  ];
}

/** One line for the table of the first screen and for the answer below the chart. */
export function crashWords(crash: CrashVerdict | null): string {
  if (crash?.verdict !== 'violated') return crashClause(crash);
  const bad = violated(crash).map(([kind, states]) => `${formatCount(states)} ${classWords(kind)}`);
  return `violated; of ${statesOf(crash)}: ${bad.join(', ')}`;
}

/** The same for the end of a sentence, without the numbers of violations. */
export function crashClause(crash: CrashVerdict | null): string {
  if (crash === null) return 'not explored';
  if (crash.verdict === 'survived') return `survived ${statesOf(crash)}`;
  if (crash.verdict === 'leaks')
    return `survived ${statesOf(crash)}, leaks up to ${formatCount(crash.maxLeakedClusters)} clusters`;
  return `did not survive all of ${statesOf(crash)} (${violated(crash)
    .map(([kind]) => classWords(kind))
    .join(', ')})`;
}

function statesOf({ distinctStates }: CrashVerdict): string {
  return `${formatCount(distinctStates)} crash states`;
}

function wordsOf(record: RunRecord): string[] {
  const missing = countedCells(record)
    .filter(({ cell }) => cell.crash === null)
    .map(({ label }) => label);
  const words = exploredCells(record).map(({ cell, crash }) => `${cell} ${crashWords(crash)}.`);
  return [...words, ...(missing.length > 0 ? [`Not explored: ${missing.join(', ')}.`] : [])];
}

export const crashSafety: Question = {
  id: 'crash-safety',
  title: 'Is it safe when the power fails?',
  reading:
    'Crash states are the contents that the file could have after a power cut. Each row is one way in which such a state breaks a promise to the guest.',
  absent: 'Crash safety was not explored in this run.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    data: { name: 'rows' },
    width: 640,
    height: { step: 30 },
    layer: [...MATRIX_LAYERS],
  },
  ask: (record) =>
    answered({ rows: matrixRows(squaresOf(record)) }, () => ({
      stories: exploredCells(record).flatMap(({ cell, crash }) =>
        crash.story === undefined
          ? []
          : [{ title: `${cell}: the smallest violation, step by step`, steps: crash.story }],
      ),
      table: {
        caption: 'Crash states explored and their outcome',
        columns: [
          { label: 'Policy', quantity: 'text' },
          { label: 'Verdict', quantity: 'text' },
          { label: 'Epochs', quantity: 'count', help: 'writes between two syncs' },
          { label: 'Exhaustive', quantity: 'count', help: 'epochs whose every state was tried' },
          { label: 'States', quantity: 'count', help: 'crash states tried' },
          { label: 'Distinct', quantity: 'count', help: 'different file contents among them' },
          {
            label: 'Most leaked clusters',
            quantity: 'count',
            help: 'allocated but unused after the crash; lost space, not lost data',
          },
          { label: 'Violations', quantity: 'text' },
        ],
        rows: exploredCells(record).map(({ cell, crash: c }) => [
          cell,
          c.verdict,
          ...[c.epochs, c.exhaustiveEpochs, c.states, c.distinctStates, c.maxLeakedClusters],
          Object.entries(c.violations)
            .map(([kind, count]) => `${classWords(kind)} ${count}`)
            .join(', '),
        ]),
      },
      words: wordsOf(record),
    })),
};
