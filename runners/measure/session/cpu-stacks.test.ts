/** Made-up profiles, times in microseconds a sample. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CpuProfile, foldProfiles } from './cpu-stacks.ts';

const ROOT = '/a/b';

interface Made {
  readonly id: number;
  readonly name: string;
  readonly url?: string;
  readonly line?: number;
  readonly children?: readonly number[];
}

function profileOf(nodes: readonly Made[], samples: readonly (readonly [id: number, us: number])[]): CpuProfile {
  return CpuProfile.parse({
    nodes: nodes.map(({ id, name, url = '', line = -1, children }) => ({
      ...{ id, callFrame: { functionName: name, url, lineNumber: line } },
      ...(children && { children }),
    })),
    samples: samples.map(([id]) => id),
    timeDeltas: samples.map(([, us]) => us),
  });
}

const folded = (...made: Parameters<typeof profileOf>) => foldProfiles([profileOf(...made)], ROOT);
const own = (file: string) => `file://${ROOT}/${file}`;

test('frames lie on their callers, the largest first, with file and line from the root of the program', () => {
  const { totalNs, frames } = folded(
    [
      { id: 1, name: '(root)', children: [2] },
      { id: 2, name: 'replay', url: own('runners/sample/replay.ts'), line: 9, children: [3, 4] },
      { id: 3, name: 'write', url: own('engine/io/file.ts'), line: 0 },
      { id: 4, name: 'get', url: own('engine/cache/table-cache.ts'), line: 41 },
    ],
    [
      [2, 100],
      [3, 300],
      [4, 500],
      [3, 100],
    ],
  );
  assert.equal(totalNs, 1_000_000);
  assert.deepEqual(
    frames.map(({ depth, name, place, part, startNs, totalNs, selfNs }) =>
      [depth, name, place, part, startNs, totalNs, selfNs].join(' '),
    ),
    [
      '0 replay runners/sample/replay.ts:10 runners 0 1000000 100000',
      '1 get engine/cache/table-cache.ts:42 engine/cache 0 500000 500000',
      '1 write engine/io/file.ts:1 engine/io 500000 400000 400000',
    ],
  );
});

test('a function that calls itself is a frame at each depth, and counts once in its total', () => {
  const walk = { name: 'walk', url: own('engine/check/walk.ts'), line: 4 };
  const { frames, functions } = folded(
    [
      { id: 1, name: '(root)', children: [2] },
      { id: 2, ...walk, children: [3] },
      { id: 3, ...walk, children: [4] },
      { id: 4, ...walk },
    ],
    [
      [2, 10],
      [3, 20],
      [4, 70],
    ],
  );
  assert.deepEqual(
    frames.map(({ depth, totalNs, selfNs }) => [depth, totalNs, selfNs]),
    [
      [0, 100_000, 10_000],
      [1, 90_000, 20_000],
      [2, 70_000, 70_000],
    ],
  );
  assert.deepEqual(
    functions.map(({ name, selfNs, totalNs }) => [name, selfNs, totalNs]),
    [['walk', 100_000, 100_000]],
  );
});

test('the same function from two callers is two frames and one of the costliest; two nodes of one path are one frame', () => {
  const { frames, functions } = folded(
    [
      { id: 1, name: '(root)', children: [2, 3] },
      { id: 2, name: 'a', children: [4, 6] },
      { id: 3, name: 'b', children: [5] },
      { id: 4, name: 'sync', url: 'node:fs', line: 7 },
      { id: 5, name: 'sync', url: 'node:fs', line: 7 },
      { id: 6, name: 'sync', url: 'node:fs', line: 7 },
    ],
    [
      [4, 30],
      [5, 40],
      [6, 30],
    ],
  );
  assert.deepEqual(
    frames.map(({ depth, name, totalNs }) => [depth, name, totalNs]),
    [
      [0, 'a', 60_000],
      [1, 'sync', 60_000],
      [0, 'b', 40_000],
      [1, 'sync', 40_000],
    ],
  );
  assert.deepEqual(functions, [
    {
      ...{ name: 'sync', place: 'node:fs:8', part: 'Node, system calls included' },
      ...{ selfNs: 100_000, totalNs: 100_000 },
    },
  ]);
});

test('idleness is no CPU time, and the profiler is not looked at; the garbage collector and native code are', () => {
  const { totalNs, frames } = folded(
    [
      { id: 1, name: '(root)', children: [2, 3, 4, 5] },
      { id: 2, name: '(idle)' },
      { id: 5, name: 'post', url: 'node:inspector', line: 3 },
      { id: 3, name: '(program)' },
      { id: 4, name: '(garbage collector)' },
    ],
    [
      [2, 900],
      [5, 500],
      [3, 60],
      [4, 40],
    ],
  );
  assert.equal(totalNs, 100_000);
  assert.deepEqual(
    frames.map(({ name, part, totalNs }) => [name, part, totalNs]),
    [
      ['(program)', 'idle and native code', 60_000],
      ['(garbage collector)', 'garbage collector', 40_000],
    ],
  );
});

test('paths of less than half a percent are left out, and their functions still count', () => {
  const many = Array.from({ length: 250 }, (_, index) => ({
    id: index + 3,
    name: 'small',
    line: index,
    url: 'node:x',
  }));
  const callers = many.map(({ id }) => ({ id: id + 1000, name: `caller ${id}`, children: [id] }));
  const { frames, functions } = folded(
    [
      { id: 1, name: '(root)', children: [2, ...callers.map(({ id }) => id)] },
      { id: 2, name: 'large' },
      ...callers,
      ...many.map((node) => ({ ...node, line: 1 })),
    ],
    [[2, 1000], ...many.map(({ id }) => [id, 5] as const)],
  );
  assert.deepEqual(
    frames.map(({ name }) => name),
    ['large'],
  );
  assert.deepEqual(
    functions.map(({ name, selfNs }) => [name, selfNs]),
    [
      ['small', 1_250_000],
      ['large', 1_000_000],
    ],
  );
});

test('a very deep path is cut, and its time stays with the deepest frame that is shown', () => {
  const depth = 200;
  const nodes = Array.from({ length: depth }, (_, index) => ({
    ...{ id: index + 2, name: `f${index}` },
    ...(index < depth - 1 && { children: [index + 3] }),
  }));
  const { frames } = folded([{ id: 1, name: '(root)', children: [2] }, ...nodes], [[depth + 1, 50]]);
  assert.equal(frames.length, 64);
  assert.equal(frames.at(-1)!.totalNs, 50_000);
});

test('an empty profile, and one of idleness alone, have no frame', () => {
  const nothing = { totalNs: 0, frames: [], functions: [] };
  assert.deepEqual(folded([], []), nothing);
  assert.deepEqual(folded([{ id: 1, name: '(root)' }], []), nothing);
  const idle = [
    { id: 1, name: '(root)', children: [2] },
    { id: 2, name: '(idle)' },
  ];
  assert.deepEqual(folded(idle, [[2, 10]]), nothing);
});

test('no folder of the machine is in a place: packages and files of the user are named from where they begin', () => {
  const { frames } = folded(
    [
      { id: 1, name: '(root)', children: [2, 3, 4] },
      { id: 2, name: 'x', url: own('node_modules/zod/index.js'), line: 1 },
      { id: 3, name: '', url: 'file:///home/me/secret%20place/my-policy.ts', line: 2 },
      { id: 4, name: 'y'.repeat(500), url: own('engine/base/units.js'), line: 3 },
    ],
    [
      [2, 30],
      [3, 20],
      [4, 10],
    ],
  );
  assert.deepEqual(
    frames.map(({ name, place, part }) => [name.slice(0, 11), place, part]),
    [
      ['x', 'zod/index.js:2', 'packages'],
      ['(anonymous)', 'my-policy.ts:3', 'plugins'],
      ['yyyyyyyyyyy', 'engine/base/units.js:4', 'engine/base'],
    ],
  );
  assert.equal(frames[2]!.name.length, 200);
  assert.deepEqual(
    foldProfiles(
      [
        profileOf(
          [
            { id: 1, name: '(root)', children: [2] },
            { id: 2, name: 'z', url: 'file:///p/node_modules/cowbench/engine/io/file.js', line: 0 },
          ],
          [[2, 1]],
        ),
      ],
      '/p/node_modules/cowbench',
    ).frames.map(({ place, part }) => [place, part]),
    [['engine/io/file.js:1', 'engine/io']],
  );
});

test('profiles of several replays are added up by call path', () => {
  const profile = (us: number) =>
    profileOf(
      [
        { id: 1, name: '(root)', children: [2] },
        { id: 2, name: 'write', url: own('engine/io/file.ts'), line: 0 },
      ],
      [[2, us]],
    );
  const { totalNs, frames } = foldProfiles([profile(100), profile(300)], ROOT);
  assert.deepEqual([totalNs, frames.length, frames[0]!.totalNs], [400_000, 1, 400_000]);
});
