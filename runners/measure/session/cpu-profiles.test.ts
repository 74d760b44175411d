import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summariseProfile } from './cpu-profiles.ts';
import { CpuProfile } from './cpu-stacks.ts';

test('self time goes to the part of the program that each frame lies in', () => {
  const frame = (id: number, url: string, functionName = 'f') => ({ id, callFrame: { functionName, url } });
  const profile = CpuProfile.parse({
    nodes: [
      frame(1, 'file:///a/b/engine/image/qcow2-image.ts'),
      frame(2, 'file:///a/b/runners/sample/replay.ts'),
      frame(3, 'node:fs'),
      frame(4, '', '(garbage collector)'),
      frame(5, 'file:///a/b/node_modules/x/index.js'),
    ],
    samples: [1, 1, 2, 3, 4, 5],
    timeDeltas: [300, 300, 100, 200, 50, 50],
  });
  assert.deepEqual(
    summariseProfile(profile, '/a/b').map(({ part, selfNs, share }) => [part, selfNs, share]),
    [
      ['engine/image', 600_000, 0.6],
      ['Node, system calls included', 200_000, 0.2],
      ['runners', 100_000, 0.1],
      ['garbage collector', 50_000, 0.05],
      ['packages', 50_000, 0.05],
    ],
  );
});
