/** Why each policy took as long as it did, for the terminal. */
import type { RunRecord } from '../../results/record.ts';
import { textTable } from './text-table.ts';

/** One row a cell: the share of each term of the cost model, and what they leave unexplained. Empty without a model. */
export function costLines({ cells }: RunRecord, width?: number): string[] {
  const explained = cells.flatMap(({ id, cost }) => (cost === undefined ? [] : [{ id, cost }]));
  if (explained.length === 0) return [];
  const names = explained[0]!.cost.terms
    .map(({ name }) => name)
    .filter((name) => explained.some(({ cost }) => shareOf(cost, name) >= LEAST_SHARE));
  const rows = explained.map(({ id, cost }) => [
    id,
    `${(cost.measuredNs / 1e6).toFixed(1)} ms`,
    ...names.map((name) => percent(shareOf(cost, name))),
    percent(cost.residualShare),
  ]);
  const shown = names.map((name) => TERM_WORDS[name] ?? name);
  const table = textTable(['time breakdown', 'measured', ...shown, 'unexplained'], rows, width);
  const off = explained.filter(({ cost }) => Math.abs(cost.residualShare) > MOST_UNEXPLAINED);
  if (off.length === 0) return table;
  return [
    ...table,
    `not to be relied on: ${off.map(({ id }) => id).join(', ')} (the storage was slower or faster during the run than in the probes)`,
  ];
}

/** Terms whose names in the record say too little. */
const TERM_WORDS: Readonly<Record<string, string>> = {
  syncs: 'syncs with work',
  'clean syncs': 'syncs without work',
  growth: 'syncs that extend the file',
  'bytes written out': 'page-cache write-back',
};

/** Beyond this share the probes do not describe the storage that the run had. */
const MOST_UNEXPLAINED = 0.25;

/** Terms smaller than this everywhere are not shown. */
const LEAST_SHARE = 0.005;

type Cost = NonNullable<RunRecord['cells'][number]['cost']>;

function shareOf({ terms, measuredNs }: Cost, name: string): number {
  return (terms.find((term) => term.name === name)?.ns ?? 0) / measuredNs;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
