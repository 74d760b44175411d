/**
 * The sequence of file events behind each op, in the notation of the reference: h header, t refcount table, r refcount block,
 * 1 L1, l L2, d data, c copy, s snapshot table; upper case is a write; ' is a write of less than whole clusters; *n is
 * n times in a row; F is a sync.
 */
import type { FileEvent, TableKind } from '../../engine/index.ts';

const LETTERS: Record<TableKind, string> = {
  header: 'h',
  'refcount-table': 't',
  'refcount-block': 'r',
  l1: '1',
  l2: 'l',
  data: 'd',
  cow: 'c',
  'snapshot-table': 's',
};

const LABEL_COLUMNS = 35;

/** Collects events under labels; gives lines. */
export class Sequence {
  readonly #clusterBytes: number;
  readonly #rows: { label: string; signs: string[] }[] = [];

  constructor(clusterBytes: number) {
    this.#clusterBytes = clusterBytes;
  }

  /** What follows belongs to `label`. */
  begin(label: string): void {
    this.#rows.push({ label, signs: [] });
  }

  add(event: FileEvent): void {
    this.#rows.at(-1)?.signs.push(eventSign(event, this.#clusterBytes));
  }

  /** One line a label, without events too. */
  lines(): string[] {
    return this.#rows.map(({ label, signs }) => label.padEnd(LABEL_COLUMNS) + joinSigns(signs));
  }
}

/** The sign of one event. */
export function eventSign(event: FileEvent, clusterBytes: number): string {
  if (event.op === 'sync') return 'F';
  if (event.op !== 'read' && event.op !== 'write') return event.op;
  const letter = LETTERS[event.what as TableKind];
  if (event.op === 'read') return letter;
  const isWhole = event.offset % clusterBytes === 0 && event.lengthBytes % clusterBytes === 0;
  return letter.toUpperCase() + (isWhole ? '' : "'");
}

/** Signs separated by spaces, the same sign in a row as `sign*n`. */
export function joinSigns(signs: readonly string[]): string {
  const groups: { sign: string; count: number }[] = [];
  for (const sign of signs) {
    const last = groups.at(-1);
    if (last?.sign === sign) last.count++;
    else groups.push({ sign, count: 1 });
  }
  return groups.map(({ sign, count }) => (count === 1 ? sign : `${sign}*${count}`)).join(' ');
}
