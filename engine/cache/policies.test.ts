import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createImage, MemoryFile, MiB, openImage, RecordingFile } from '../index.ts';
import { policySuite } from '../testing/policy-suite.ts';
import { fileModeOf, findPolicy, policyNamed, policyOfStage, policyPresets } from './policies.ts';
import { STAGE_IDS } from './stage.ts';

for (const stage of STAGE_IDS) {
  for (const mode of ['writethrough', 'writeback'] as const) {
    describe(`stage ${stage}, ${mode}`, () => {
      const small = { stage, l2CacheTables: 2, refcountCacheTables: 1 } as const;
      policySuite(`${stage} ${mode}`, { stage }, mode === 'writethrough');
      policySuite(`${stage} ${mode}, smallest caches`, small, mode === 'writethrough');
    });
  }
}

describe('presets', () => {
  for (const { name, hostCacheMode } of policyPresets()) {
    policySuite(`policy ${name}`, { policy: name }, hostCacheMode === 'writethrough');
  }

  test('the caches write through exactly when the file does', () => {
    assert.equal(policyOfStage('S1', 'directsync'), 'writethrough');
    assert.equal(policyOfStage('S1', 'writethrough'), 'writethrough');
    for (const mode of ['writeback', 'none', 'unsafe'] as const) assert.equal(policyOfStage('S2', mode), 'writeback');
    for (const mode of ['writethrough', 'writeback'] as const) assert.equal(policyOfStage('S0', mode), 'legacy');
  });

  test('a policy that does not exist, or not at that stage, is refused by name', () => {
    assert.throws(() => findPolicy('lazy'), {
      code: 'INVALID_ARGUMENT',
      message: /^there is no policy "lazy"; there are: /,
    });
    assert.throws(() => findPolicy('toString'), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => findPolicy('legacy', 'S2'), { message: /^policy legacy does not exist at stage S2/ });
  });
});

test('a guest flush costs S0 one sync and the table caches three, dirty or not', () => {
  for (const stage of STAGE_IDS) {
    const memory = new MemoryFile();
    createImage(memory, { sizeBytes: MiB });
    const recording = new RecordingFile(memory);
    const image = openImage(recording, { stage });
    recording.events.length = 0;
    image.flush();
    const syncs = recording.events.map((event) => (event.op === 'sync' ? event.cause : event.op));
    assert.deepEqual(syncs, stage === 'S0' ? ['guest-flush'] : ['cache-flush', 'cache-flush', 'guest-flush']);
  }
});

test('what writes through by flushing opens its file without O_DSYNC, and history with it', () => {
  const modern = policyNamed('modern').behaviour;
  assert.deepEqual(fileModeOf(modern, 'writethrough'), { mode: 'writeback', writethrough: true });
  assert.deepEqual(fileModeOf(modern, 'directsync'), { mode: 'none', writethrough: true });
  assert.deepEqual(fileModeOf(modern, 'unsafe'), { mode: 'unsafe', writethrough: false });
  const history = policyNamed('writethrough').behaviour;
  assert.deepEqual(fileModeOf(history, 'writethrough'), { mode: 'writethrough', writethrough: false });
});
