/** FIXTURE, not a measurement: the policies of the fixture with made-up call paths, one of them of every policy with a hostile name. */
import type { CpuStacks, RunRecord } from '../../results/record.ts';
import { fixtureRecord } from './fixture-record.ts';
import { HOSTILE } from './hostile-record.ts';

const PATHS: readonly (readonly [
  depth: number,
  name: string,
  place: string,
  part: string,
  from: number,
  to: number,
])[] = [
  [0, 'replay', 'runners/sample/replay.ts:40', 'runners', 0, 90],
  [1, 'write', 'engine/image/qcow2-image.ts:120', 'engine/image', 0, 80],
  [2, 'prepare', 'engine/image/write-runs.ts:60', 'engine/image', 0, 50],
  [3, 'get', 'engine/cache/table-cache.ts:99', 'engine/cache', 0, 35],
  [4, HOSTILE.markup, 'engine/cache/entry-store.ts:12', 'engine/cache', 0, 20],
  [4, 'read', 'engine/io/file.ts:30', 'engine/io', 20, 30],
  [5, 'readSync', 'node:fs:733', 'Node, system calls included', 20, 29],
  [2, 'sync', 'engine/instruments/counting-file.ts:50', 'engine/instruments', 50, 75],
  [1, '(anonymous)', 'node:internal/streams:1', 'Node, system calls included', 80, 85],
  [0, '(garbage collector)', '', 'garbage collector', 90, 96],
  [0, '(program)', '', 'idle and native code', 96, 100],
];

function stacksOf(unitNs: number): CpuStacks {
  const self = (index: number) => {
    const [depth, , , , from, to] = PATHS[index]!;
    const callees = PATHS.filter(([d, , , , f, t]) => d === depth + 1 && f >= from && t <= to);
    return callees.reduce((rest, [, , , , f, t]) => rest - (t - f), to - from);
  };
  const frames = PATHS.map(([depth, name, place, part, from, to], index) => ({
    ...{ depth, name, place, part },
    ...{ startNs: from * unitNs, totalNs: (to - from) * unitNs, selfNs: self(index) * unitNs },
  }));
  const functions = frames
    .map(({ name, place, part, selfNs, totalNs }) => ({ name, place, part, selfNs, totalNs }))
    .sort((a, b) => b.selfNs - a.selfNs)
    .slice(0, 10);
  return { totalNs: 100 * unitNs, frames, functions };
}

/** The same paths on either side, but for a hostile one that takes more and one that the head no longer has. */
function differenceFrames(): NonNullable<RunRecord['cells'][number]['cpuDifference']>['frames'] {
  return PATHS.map(([depth, name, place, part, from, to], index) => {
    const [base, head] = index === 4 ? [0.1, 0.2] : index === 7 ? [0.25, 0] : [(to - from) / 100, (to - from) / 100];
    const verdict = head > base ? 'more' : head < base ? 'less' : 'same';
    return { depth, name, place: place.replace(/:\d+$/, ''), part, base, head, verdict };
  });
}

export function profiledRecord(): RunRecord {
  return fixtureRecord(({ cells }) => {
    cells.forEach((cell, index) => {
      cell.cpuStacks = stacksOf((index + 1) * 1e7);
      if (index === 1) cell.cpuDifference = { baseline: cells[0]!.id, replays: 6, frames: differenceFrames() };
    });
  });
}
