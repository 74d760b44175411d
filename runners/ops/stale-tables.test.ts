/**
 * The defect of stages S1 to S4b (decision 002): a table freed while it was dirty is written out all the same, over what its cluster
 * holds by then. `ops` does what those programs did; what `bench` compares is free of it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HostCacheMode, STAGE_IDS, STAGES, type StageId } from '../../engine/index.ts';
import type { OpsResult } from './result.ts';
import { runOps } from './run.ts';
import { parseScript } from './script.ts';
import { inFastDirectory } from './testing/reference.ts';

/** Four snapshots deleted in a row, then back to the fifth. */
const FOUR_DELETED = `#@ size=134217728
!prep
w 0 65536
w 65536 65536
f
!run
snap a
w 0 65536
snap b
w 65536 65536
snap c
w 0 4096
snap d
w 131072 65536
snap e
w 0 65536
del a
del b
del c
del d
goto e
f
`;

const CLUSTER_BYTES = 65536;

async function run(stage: StageId, cache: HostCacheMode, withoutDefect = false): Promise<OpsResult> {
  const script = parseScript(FOUR_DELETED, 'four-deleted.ops');
  const behaviour = withoutDefect ? { behaviour: STAGES[stage].behaviour } : {};
  let result: OpsResult;
  await inFastDirectory(async (directory) => {
    result = await runOps(script, { stage, cache, directory, ...behaviour });
  });
  return result!;
}

describe('four snapshots deleted in a row, then back to a fifth', () => {
  for (const stage of STAGE_IDS) {
    const written = stage === 'S0' ? 0 : 1;
    test(`${stage}, writeback: ${written === 0 ? 'no table' : 'one freed table'} is written over what its cluster holds`, async () => {
      const [asItWas, without] = [await run(stage, 'writeback'), await run(stage, 'writeback', true)];
      assert.equal(asItWas.writes - without.writes, written);
      assert.equal(asItWas.write_bytes - without.write_bytes, written * CLUSTER_BYTES);
      assert.deepEqual([asItWas.fsyncs, asItWas.reads], [without.fsyncs, without.reads]);
    });

    test(`${stage}, writethrough: nothing is dirty when it is freed`, async () => {
      assert.deepEqual(await run(stage, 'writethrough'), await run(stage, 'writethrough', true));
    });
  }
});
