import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../results/statistics-random.ts';
import { differenceOf } from './cpu-difference.ts';
import { CpuProfile } from './cpu-stacks.ts';

const REPLAYS = 6;

/** Replays in which `write` takes `writeUs` of its own, and calls `get` and, where that takes time, `gone`; lines begin at `line`. */
function side(root: string, line: number, seed: number, writeUs: number, goneUs: number) {
  const random = seededRandom(seed).next;
  const node = (id: number, functionName: string, file: string, children: number[] = []) => ({
    ...{ id, children, callFrame: { functionName, url: `file://${root}/${file}`, lineNumber: line + id } },
  });
  const nodes = [
    { id: 1, children: [2, 5], callFrame: { functionName: '(root)', url: '', lineNumber: -1 } },
    node(2, 'write', 'engine/image/guest-io.ts', [3, 4]),
    node(3, 'get', 'engine/cache/table-cache.ts'),
    node(4, 'gone', 'engine/cache/entry-store.ts'),
    node(5, 'verify', 'runners/sample/verify.ts'),
  ];
  const profiles = Array.from({ length: REPLAYS }, () => {
    const speed = 0.8 + 0.4 * random();
    const times = [writeUs, 3000, goneUs, 4000].map((us) => Math.round(us * speed * (0.98 + 0.04 * random())));
    return CpuProfile.parse({ nodes, samples: [2, 3, 4, 5], timeDeltas: times });
  });
  return { profiles, root };
}

const said = ({ frames }: ReturnType<typeof differenceOf>) =>
  frames.map(({ depth, name, place, verdict }) => `${depth} ${name} ${place} ${verdict}`);

test('paths of two commits are matched by function and file, wherever the program and the lines are; what one lacks is there', () => {
  const difference = differenceOf(side('/a', 10, 1, 2000, 1000), side('/b', 90, 2, 4000, 0));
  assert.equal(difference.replays, REPLAYS);
  assert.deepEqual(said(difference), [
    '0 write engine/image/guest-io.ts more',
    '1 get engine/cache/table-cache.ts less',
    '1 gone engine/cache/entry-store.ts less',
    '0 verify runners/sample/verify.ts less',
  ]);
  const gone = difference.frames[2]!;
  assert.ok(gone.head === 0 && Math.abs(gone.base - 0.1) < 0.01, `${gone.base}`);
});

test('of identical code nothing differs, however unequal the lengths of its replays', () => {
  const difference = differenceOf(side('/a', 10, 3, 2000, 1000), side('/b', 90, 4, 2000, 1000));
  assert.ok(
    said(difference).every((line) => line.endsWith(' same')),
    said(difference).join('\n'),
  );
});
