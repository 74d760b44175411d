/** The order of file events of the life-cycle script, stage by stage, is the reference's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runOps } from './run.ts';
import { joinSigns, Sequence } from './sequence.ts';
import {
  inFastDirectory,
  RECORDED_MODES,
  RECORDED_STAGES,
  referenceScript,
  referenceSequence,
  referenceStart,
} from './testing/reference.ts';

test('T1 gives the reference sequence at five stages in two modes', async () => {
  const script = referenceScript('T1');
  const lines: string[] = [];
  await inFastDirectory(async (directory) => {
    for (const stage of RECORDED_STAGES) {
      for (const cache of RECORDED_MODES) {
        const sequence = new Sequence(script.clusterSizeBytes);
        await runOps(script, {
          stage,
          cache,
          directory,
          start: referenceStart(script),
          onLabel: (label) => sequence.begin(label),
          onOperation: (operation) => sequence.add(operation),
        });
        lines.push(`=== ${stage} ${cache}`, ...sequence.lines());
      }
    }
  });
  const wanted = referenceSequence().split('\n');
  assert.equal(wanted.pop(), '');
  assert.equal(wanted.length, 290);
  assert.deepEqual(lines, wanted);
});

test('the same sign in a row is counted', () => {
  assert.equal(joinSigns([]), '');
  assert.equal(joinSigns(['F', 'F', 'L', 'F', 'F', 'F']), 'F*2 L F*3');
});
