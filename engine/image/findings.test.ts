/**
 * Every state of an entry that the checker calls wrong: what read, write and map do with it. `docs/findings.md` is the table of it,
 * and must say what is measured here.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { Qcow2Error } from '../base/errors.ts';
import { checkImage, type FindingKind } from '../check/check-image.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { COMPRESSED, COPIED, Places } from '../testing/malformed-image.ts';
import { type CreateOptions, createImage } from './create.ts';
import { openImage, type Qcow2Image } from './qcow2-image.ts';

const CLUSTER = 16_384;
const FAR = 2 ** 40;

interface State {
  readonly finding: FindingKind;
  readonly title: string;
  readonly create?: Partial<CreateOptions>;
  /** Sets the entry at byte `at` of the file, of guest cluster 0 with data, 1 compressed, 2 with nothing. */
  readonly change: (p: Places, at: (cluster: number) => number) => void;
  readonly cluster: 0 | 1 | 2;
}

const EXTENDED = { extendedL2: true };
const or = (p: Places, at: number, bits: bigint) => p.view.setBigUint64(at, p.view.getBigUint64(at) | bits);
const flip = (p: Places, at: number, bits: bigint) => p.view.setBigUint64(at, p.view.getBigUint64(at) ^ bits);

const STATES: readonly State[] = [
  { finding: 'reserved-bits', title: 'L1 entry with reserved bits', cluster: 0, change: (p) => or(p, p.l1, 16n) },
  {
    finding: 'reserved-bits',
    title: 'L2 entry with reserved bits',
    cluster: 0,
    change: (p, at) => or(p, at(0), 1n << 57n),
  },
  { finding: 'pointer-misaligned', title: 'L1 entry inside a cluster', cluster: 0, change: (p) => or(p, p.l1, 512n) },
  {
    finding: 'pointer-misaligned',
    title: 'L2 entry inside a cluster',
    cluster: 0,
    change: (p, at) => or(p, at(0), 512n),
  },
  {
    finding: 'pointer-misaligned',
    title: 'zero cluster whose place is inside a cluster',
    cluster: 0,
    change: (p, at) => or(p, at(0), 513n),
  },
  {
    finding: 'pointer-outside',
    title: 'L2 table past the end of the file',
    cluster: 0,
    change: (p) => p.point(p.l1, FAR),
  },
  {
    finding: 'pointer-outside',
    title: 'data past the end of the file',
    cluster: 0,
    change: (p, at) => p.point(at(0), FAR),
  },
  {
    finding: 'pointer-outside',
    title: 'compressed data past the end of the file',
    cluster: 1,
    change: (p, at) => p.point(at(1), FAR, COMPRESSED),
  },
  {
    finding: 'zero-flag',
    title: 'zero flag in version 2',
    create: { version: 2 },
    cluster: 0,
    change: (p, at) => or(p, at(0), 1n),
  },
  {
    finding: 'zero-flag',
    title: 'zero flag in an extended entry',
    create: EXTENDED,
    cluster: 0,
    change: (p, at) => or(p, at(0), 1n),
  },
  {
    finding: 'subclusters',
    title: 'subcluster both data and zeros',
    create: EXTENDED,
    cluster: 0,
    change: (p, at) => or(p, at(0) + 8, 1n << 35n),
  },
  {
    finding: 'subclusters',
    title: 'subcluster with data in a cluster without a place',
    create: EXTENDED,
    cluster: 2,
    change: (p, at) => or(p, at(2) + 8, 1n),
  },
  {
    finding: 'subclusters',
    title: 'compressed cluster with subclusters',
    create: EXTENDED,
    cluster: 1,
    change: (p, at) => or(p, at(1) + 8, 1n),
  },
  {
    finding: 'compressed-external',
    title: 'compressed cluster beside a data file',
    create: { dataFile: 'data' },
    cluster: 0,
    change: (p, at) => or(p, at(0), COMPRESSED),
  },
  {
    finding: 'compressed-copied',
    title: 'compressed cluster with COPIED',
    cluster: 1,
    change: (p, at) => or(p, at(1), COPIED),
  },
  {
    finding: 'compressed-stream',
    title: 'compressed data that do not inflate',
    cluster: 1,
    change: (p, at) => p.view.setBigUint64(Number(p.view.getBigUint64(at(1)) & ((1n << 40n) - 1n)), 2n ** 64n - 1n),
  },
  { finding: 'two-owners', title: 'data on the L1 table', cluster: 0, change: (p, at) => useTwice(p, at(0), p.l1) },
  {
    finding: 'two-owners',
    title: 'data on the refcount table',
    cluster: 2,
    change: (p, at) => useTwice(p, at(2), p.refcountTable),
  },
  { finding: 'refcount-low', title: 'data with refcount 0', cluster: 0, change: (p, at) => setRefcount(p, at(0), 0) },
  { finding: 'leak', title: 'data with refcount 2', cluster: 0, change: (p, at) => setRefcount(p, at(0), 2) },
  { finding: 'copied-clear', title: 'data without COPIED', cluster: 0, change: (p, at) => flip(p, at(0), COPIED) },
  {
    finding: 'copied-shared',
    title: 'data of two guest clusters with COPIED',
    cluster: 0,
    change: (p, at) => {
      p.point(at(2), p.pointer(at(0)));
      setRefcount(p, at(0), 2);
    },
  },
];

function setRefcount(p: Places, entryAt: number, count: number): void {
  p.view.setUint16(p.refcountBlock + 2 * (p.pointer(entryAt) / CLUSTER), count);
}

function useTwice(p: Places, entryAt: number, hostOffset: number): void {
  p.point(entryAt, hostOffset);
  setRefcount(p, entryAt, 2);
}

/** Data in cluster 0 (an external data file has no compressed clusters, so 1 is data there), compressed in 1, nothing in 2. */
function imageIn({ create, change }: State): { bytes: Uint8Array<ArrayBuffer>; data: Uint8Array } {
  const file = new MemoryFile('disk');
  const dataFile = new MemoryFile('data', new Uint8Array(64 * CLUSTER));
  createImage(file, { sizeBytes: 64 * CLUSTER, clusterSizeBytes: CLUSTER, ...create });
  const image = openImage(file, create?.dataFile === undefined ? {} : { dataFile });
  image.write(0, new Uint8Array(CLUSTER).fill(1));
  if (create?.dataFile === undefined) image.writeCompressed(CLUSTER, new Uint8Array(CLUSTER).fill(2));
  image.close();
  const bytes = Uint8Array.from(file.bytes());
  const p = new Places(new DataView(bytes.buffer));
  const entryBytes = create?.extendedL2 ? 16 : 8;
  const { l2 } = p;
  change(p, (cluster) => l2 + entryBytes * cluster);
  return { bytes, data: dataFile.bytes() };
}

/** What an action on a fresh copy comes to: a word for what it gave, or that it was refused. */
function outcome(state: State, act: (image: Qcow2Image, offset: number) => string): string {
  const { bytes, data } = imageIn(state);
  const hasDataFile = state.create?.dataFile !== undefined;
  const image = openImage(new MemoryFile('disk', bytes), hasDataFile ? { dataFile: new MemoryFile('data', data) } : {});
  try {
    return act(image, state.cluster * CLUSTER);
  } catch (error) {
    if (error instanceof Qcow2Error && error.code === 'CORRUPT') return 'refused';
    throw error;
  }
}

function readWord(image: Qcow2Image, offset: number): string {
  const bytes = new Uint8Array(512);
  image.read(offset, bytes);
  return bytes.every((byte) => byte === 0) ? 'zeros' : 'what is there';
}

function rowOf(state: State): string {
  const cells = [
    state.finding,
    state.title,
    outcome(state, readWord),
    outcome(state, (image, offset) => {
      image.write(offset, new Uint8Array(512));
      image.flush();
      return 'done';
    }),
    outcome(state, (image, offset) => image.map(offset, 512).stored),
  ];
  return `| ${cells.join(' | ')}`;
}

test('the checker finds each state that the table is about', () => {
  for (const state of STATES) {
    const { findings } = checkImage(new MemoryFile('disk', imageIn(state).bytes), { verifyCompressed: true });
    const kinds = findings.map(({ kind }) => kind);
    assert.ok(kinds.includes(state.finding), `${state.title}: ${kinds.join(', ')}`);
  }
});

test('docs/findings.md says what read, write and map do with each', () => {
  const text = fs.readFileSync(new URL('../../docs/findings.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| '));
  const stated = rows.slice(1).map((row) => row.split(' | ').slice(0, 5).join(' | '));
  assert.deepEqual(stated, STATES.map(rowOf));
});
