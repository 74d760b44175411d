/**
 * What the reference shows for its scripts holds for others of their kinds: whatever the stage and the mode, the same image to
 * the byte, with the guest's content in it, and clean for today's program. Only the way there differs.
 *
 * Byte for byte it need not be for every script: a table that is freed while dirty is not written once its cluster has new
 * content, so the unused rest of such a cluster can differ between the modes. None of these scripts does that.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { checkImage, openFile, openImage, policyPresets, STAGE_IDS } from '../../engine/index.ts';
import { runOps } from './run.ts';
import type { OpScript } from './script.ts';
import { filesOf } from './start-image.ts';
import { generatedScripts } from './testing/generated-scripts.ts';
import { expectedSectors, firstDifference } from './testing/guest-model.ts';
import { inFastDirectory, RECORDED_MODES, referenceStart } from './testing/reference.ts';

const SEED = 7;

function checkContent(script: OpScript, directory: string): void {
  const { image: imagePath, backing } = filesOf(script, directory);
  const under = backing === null ? {} : { backing: openImage(openFile(backing, { readOnly: true })) };
  const image = openImage(openFile(imagePath, { readOnly: true }), under);
  try {
    assert.equal(firstDifference(image, expectedSectors(script)), null, `${script.name}, seed ${SEED}`);
  } finally {
    image.close();
  }
}

function checkStructure(imagePath: string): void {
  const file = openFile(imagePath, { readOnly: true });
  try {
    const { findings } = checkImage(file);
    assert.deepEqual(findings, [], path.basename(imagePath));
  } finally {
    file.close();
  }
  const { status, stdout, stderr } = spawnSync('qemu-img', ['check', '-f', 'qcow2', imagePath], { encoding: 'utf8' });
  assert.equal(status, 0, `${imagePath}: ${stdout}${stderr}`);
}

for (const script of generatedScripts(SEED)) {
  test(`${script.name}: one image from all stages and modes`, async () => {
    await inFastDirectory(async (directory) => {
      const images = new Map<string, string[]>();
      for (const stage of STAGE_IDS) {
        for (const cache of RECORDED_MODES) {
          const { image_sha1 } = await runOps(script, { stage, cache, directory, start: referenceStart(script) });
          const first = images.size === 0;
          images.set(image_sha1, [...(images.get(image_sha1) ?? []), `${stage} ${cache}`]);
          checkContent(script, directory);
          if (first) checkStructure(filesOf(script, directory).image);
        }
      }
      assert.equal(images.size, 1, `${script.name}, seed ${SEED}: ${JSON.stringify([...images])}`);
    });
  });
}

/** What a script leaves is not their common image: they place clusters elsewhere. */
const BEYOND_HISTORY = policyPresets().filter(({ stage }) => stage === undefined);

for (const { name: policy } of BEYOND_HISTORY) {
  test(`policy ${policy}: the guest's content in a clean image after every script`, async () => {
    await inFastDirectory(async (directory) => {
      for (const [index, script] of generatedScripts(SEED).entries()) {
        const cache = RECORDED_MODES[index % RECORDED_MODES.length]!;
        const result = await runOps(script, { policy, cache, directory, start: referenceStart(script) });
        assert.deepEqual([result.stage, result.policy, result.odsync_writes], [null, policy, 0]);
        checkContent(script, directory);
        checkStructure(filesOf(script, directory).image);
      }
    });
  });
}

test('a policy of history does in scripts what its stage does, defects included', async () => {
  await inFastDirectory(async (directory) => {
    const [script] = generatedScripts(SEED);
    for (const { name: policy, stage, hostCacheMode: cache } of policyPresets()) {
      if (stage === undefined) continue;
      const asPolicy = await runOps(script!, { policy, cache, directory });
      const asStage = await runOps(script!, { stage, cache, directory });
      assert.deepEqual(asPolicy, { ...asStage, policy });
    }
  });
});
