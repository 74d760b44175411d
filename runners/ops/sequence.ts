/**
 * The sequence of file operations of each op, in the notation of the reference: h header, t refcount table, r refcount block,
 * 1 L1, l L2, d data, c copy, s snapshot table; upper case is a write; ' is a write of less than whole clusters; *n is
 * n times in a row; F is a sync.
 */
import { type Operation, type TableKind, unhandled } from '../../engine/index.ts';

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

/** Collects operations under labels; gives lines. */
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

  add(operation: Operation): void {
    this.#rows.at(-1)?.signs.push(signOf(operation, this.#clusterBytes));
  }

  /** One line a label, without operations too. */
  lines(): string[] {
    return this.#rows.map(({ label, signs }) => label.padEnd(LABEL_COLUMNS) + joinSigns(signs));
  }
}

/** The sign of one operation. */
export function signOf(operation: Operation, clusterBytes: number): string {
  switch (operation.op) {
    case 'sync':
      return 'F';
    case 'read':
      return LETTERS[operation.kind];
    case 'write': {
      const isWhole = operation.offset % clusterBytes === 0 && operation.bytes.length % clusterBytes === 0;
      return LETTERS[operation.kind].toUpperCase() + (isWhole ? '' : "'");
    }
    case 'truncate':
    case 'punch':
    case 'preallocate':
      return operation.op;
    default:
      return unhandled(operation);
  }
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
