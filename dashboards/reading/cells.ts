/**
 * What the page says about the cells of a record (one cell = one policy on one image on one device): their short labels,
 * which of them the others are compared with, and the few figures derived from their counters.
 */
import type { Cell, ExactCounters, RunRecord } from '../../results/record.ts';
import { formatBytes } from './quantities.ts';
import { workloadWords } from './workload-words.ts';

/** A cell whose first round has finished. */
export interface CountedCell {
  readonly cell: Cell;
  readonly exact: ExactCounters;
  /** Short and unique in the record: the policy's name and whatever else tells it from its namesakes. */
  readonly label: string;
}

type Attributes = readonly (readonly [name: string, value: string])[];

/** What can tell two cells apart, in words: the policy and how it is run, and the image and device that it is run on. */
export function cellAttributes(cell: Cell): { readonly policy: Attributes; readonly image: Attributes } {
  const { image } = cell;
  const inWords = (values: Readonly<Record<string, unknown>>) =>
    Object.entries(values).map(([name, value]) => [name, String(value)] as const);
  return {
    policy: [
      ['engine', cell.engine],
      ['stage', cell.policy.stage ?? 'none'],
      ...inWords(cell.policy.parameters),
      ['host cache', cell.hostCacheMode],
    ],
    image: [
      ['cluster', formatBytes(image.clusterSizeBytes)],
      // A raw file has no tables.
      ...(image.version === null ? [] : tableAttributes(image)),
      ...inWords(image.options),
      ['device', cell.device.name],
      ['requesters', String(cell.requesters ?? 1)],
    ],
  };
}

function tableAttributes(image: Cell['image']): Attributes {
  return [
    ['L2 tables', String(image.l2CacheTables)],
    ['refcount blocks', String(image.refcountCacheTables)],
    ['version', String(image.version)],
    ['refcount bits', String(image.refcountBits)],
  ];
}

function attributes(cell: Cell): Attributes {
  const { policy, image } = cellAttributes(cell);
  return [['workload', String(cell.workload ?? 0)], ...policy, ...image];
}

function differing(cells: readonly Cell[]): Set<string> {
  const seen = new Map<string, Set<string>>();
  for (const cell of cells) {
    for (const [name, value] of attributes(cell)) seen.set(name, (seen.get(name) ?? new Set()).add(value));
  }
  return new Set([...seen].filter(([, values]) => values.size > 1).map(([name]) => name));
}

function labelOf(cell: Cell, namesakes: readonly Cell[], workloads: readonly string[]): string {
  const telling = differing(namesakes);
  const words = attributes(cell).filter(([name]) => telling.has(name) && name !== 'workload');
  const under = telling.has('workload') ? [workloads[cell.workload ?? 0]!] : [];
  return [cell.policy.name, ...words.map(([name, value]) => `${name} ${value}`), ...under].join(', ');
}

/** Labels of all cells in the record's order, unique: a number is added where nothing else differs. */
export function cellLabels(record: RunRecord): string[] {
  const used = new Map<string, number>();
  const workloads = workloadWords(record);
  return record.cells.map((cell) => {
    const namesakes = record.cells.filter((other) => other.policy.name === cell.policy.name);
    const label = labelOf(cell, namesakes, workloads);
    const times = (used.get(label) ?? 0) + 1;
    used.set(label, times);
    return times === 1 ? label : `${label} (${times})`;
  });
}

export function countedCells(record: RunRecord): CountedCell[] {
  const labels = cellLabels(record);
  return record.cells.flatMap((cell, index) =>
    cell.exact === null ? [] : [{ cell, exact: cell.exact, label: labels[index] ?? cell.id }],
  );
}

/** The cell that the others of one image are compared with unless the run says otherwise: the first `legacy` one, else the first. */
function baselineOf(cells: readonly CountedCell[]): CountedCell | undefined {
  return cells.find(({ cell }) => cell.policy.name === 'legacy') ?? cells[0];
}

export interface ComparedCell extends CountedCell {
  /** Null for a baseline itself. */
  readonly baseline: CountedCell | null;
}

/** Every counted cell of one image group with its baseline: the one that the run compared it with, else the group's. */
export function comparedCells(record: RunRecord): ComparedCell[] {
  const cells = countedCells(record);
  const named = new Map(record.comparisons?.map(({ candidate, baseline }) => [candidate, baseline]));
  const baselines = new Set(named.values());
  return cells.map((item) => {
    const own = cells.find(({ cell }) => cell.id === named.get(item.cell.id));
    const same = cells.filter(({ cell }) => cell.workload === item.cell.workload);
    const other = own ?? (baselines.has(item.cell.id) ? undefined : baselineOf(same));
    return { ...item, baseline: other === undefined || other.cell === item.cell ? null : other };
  });
}

/** Times that a program blocked on the device: syncs, and writes that are durable on return. */
export function waitsOf(exact: ExactCounters): number {
  return exact.fsyncs + exact.odsyncWrites;
}

/** The mean of the two middle values for an even number of them. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Median, minimum and maximum of a noisy metric over the rounds. */
export interface Spread {
  readonly middle: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

/** The spread of `values`; null when nothing was measured. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return { middle: median(values), low: Math.min(...values), high: Math.max(...values), rounds: values.length };
}

/** Of a cell whose times are calculated. */
export const MODELLED = 'the device is a model';

/** Why times of this cell say nothing about a disk, or null when they do. */
export function timesMeaningless(record: RunRecord, cell: Cell): string | null {
  if (cell.device.kind === 'model') return MODELLED;
  if (cell.hostCacheMode === 'unsafe') return 'host cache mode unsafe makes every sync do nothing';
  if (record.environment.fileSystem.tmpfs) return 'the image is on tmpfs, where a sync does nothing';
  if (record.environment.syncProbe?.looksReal === false) return 'syncs return too fast to have reached a disk';
  return null;
}
