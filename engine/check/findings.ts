/**
 * What a check can find: the kinds, how grave each is, and its one line of text. The list is bounded, the counts are not.
 */
import { exactText } from '../base/units.ts';
import { hex } from './big-endian.ts';

/**
 * `corruption`: data is or may get lost. `leak`: space is wasted, nothing else. `copied`: a COPIED flag and a refcount
 * disagree, nothing else is wrong with the entry. `check-error`: this part could not be checked.
 */
export type Severity = 'corruption' | 'leak' | 'copied' | 'check-error';

/** `offset` is the byte in the image file of the wrong value, or the cluster that is concerned. */
export interface Finding {
  readonly kind: FindingKind;
  readonly severity: Severity;
  readonly offset: number;
  readonly expected: number | string;
  readonly found: number | string;
  /** One line, without control characters. */
  readonly text: string;
}

type Facts = Pick<Finding, 'offset' | 'expected' | 'found'>;

const KINDS = {
  'header-field': ['corruption', (f) => `header field at ${hex(f.offset)} is ${f.found}, expected ${f.expected}`],
  'pointer-misaligned': ['corruption', (f) => `entry at ${hex(f.offset)} points to ${f.found}, expected ${f.expected}`],
  'pointer-outside': ['corruption', (f) => `entry at ${hex(f.offset)} points to ${f.found}, expected ${f.expected}`],
  'reserved-bits': ['corruption', (f) => `entry at ${hex(f.offset)} has reserved bits set: ${f.found}`],
  'zero-flag': ['corruption', (f) => `L2 entry at ${hex(f.offset)} has the zero flag, which ${f.expected} lacks`],
  'refcount-low': [
    'corruption',
    (f) => `cluster at ${hex(f.offset)} has refcount ${f.found}, but ${f.expected} references`,
  ],
  'refcount-overflow': [
    'corruption',
    (f) =>
      `cluster at ${hex(f.offset)} has ${f.found} references, more than the refcount width can hold (${f.expected})`,
  ],
  'two-owners': ['corruption', (f) => `cluster at ${hex(f.offset)} is used twice: ${f.found}`],
  'refcount-block': ['corruption', (f) => `refcount block at ${hex(f.offset)} has ${f.found} references, expected 1`],
  'compressed-copied': ['corruption', (f) => `compressed L2 entry at ${hex(f.offset)} has the COPIED flag`],
  'compressed-external': ['corruption', (f) => `compressed L2 entry at ${hex(f.offset)} in an image with data file`],
  'compressed-stream': ['corruption', (f) => `compressed L2 entry at ${hex(f.offset)}: ${f.found}`],
  subclusters: ['corruption', (f) => `L2 entry at ${hex(f.offset)} has an invalid subcluster bitmap: ${f.found}`],
  'snapshot-entry': [
    'corruption',
    (f) => `snapshot table entry at ${hex(f.offset)}: ${f.found}, expected ${f.expected}`,
  ],
  bitmap: ['corruption', (f) => `bitmap directory at ${hex(f.offset)}: ${f.found}`],
  leak: ['leak', (f) => `cluster at ${hex(f.offset)} leaks: refcount ${f.found}, but ${f.expected} references`],
  'copied-clear': [
    'copied',
    (f) => `entry at ${hex(f.offset)} lacks the COPIED flag though its cluster has refcount 1`,
  ],
  'copied-set': [
    'copied',
    (f) => `entry at ${hex(f.offset)} has the COPIED flag though its cluster has refcount ${f.found}`,
  ],
  'copied-shared': [
    'copied',
    (f) => `entry at ${hex(f.offset)} has the COPIED flag though its cluster has ${f.found} references`,
  ],
  limit: ['check-error', (f) => `check stopped: ${f.found}, the limit is ${f.expected}`],
  'read-error': ['check-error', (f) => `table at ${hex(f.offset)} could not be read: ${f.found}`],
} satisfies Record<string, readonly [Severity, (facts: Facts) => string]>;

/** Above 2^53 a number would be shown rounded: its digits instead. */
function exact(value: number | string): number | string {
  return typeof value === 'string' || Number.isSafeInteger(value) ? value : exactText(value);
}

export type FindingKind = keyof typeof KINDS;

/** Collects findings: every one is counted, the first `limit` are kept with their text. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #limit: number;
  readonly #counts: Record<Severity, number> = { corruption: 0, leak: 0, copied: 0, 'check-error': 0 };
  /** COPIED set on a cluster that has several references: the next write in place changes something else. */
  copiedShared = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `times` when the same wrong value is reached several times (a shared L2 table). */
  add(kind: FindingKind, offset: number, expected: number | string, found: number | string, times = 1): void {
    const [severity, describe] = KINDS[kind];
    this.#counts[severity] += times;
    if (kind === 'copied-shared') this.copiedShared += times;
    if (this.list.length >= this.#limit) return;
    const facts = { offset, expected: exact(expected), found: exact(found) };
    this.list.push({ kind, severity, ...facts, text: describe(facts) });
  }

  count(severity: Severity): number {
    return this.#counts[severity];
  }
}
