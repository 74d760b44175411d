import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiB } from '../../../engine/index.ts';
import { expectedLoadMs, loadCost } from './expected-load.ts';
import type { LoadPlan } from './load-plan.ts';

const server = (command: string | null) => ({ kind: 'nbd', name: 'one', command, format: 'qcow2' }) as const;
const PLAN: LoadPlan = {
  ...{ servers: [server(null)], clients: [1, 4], commits: 100, milliseconds: 2000, filledBytes: 64 * MiB, rounds: 1 },
  ...{ reference: 'one', command: [], directory: '/images' },
};

test('rounds and servers multiply, a sync is paid by every commit, and what is counted under strace comes on top', () => {
  const once = expectedLoadMs(PLAN, 1e6);
  assert.ok(once > 2 * PLAN.milliseconds);
  assert.equal(expectedLoadMs({ ...PLAN, rounds: 3 }, 1e6), 3 * once);
  assert.equal(expectedLoadMs({ ...PLAN, servers: [server(null), server(null)] }, 1e6), 2 * once);
  assert.equal(once - expectedLoadMs(PLAN, null), 2 * 100 * 2);
  assert.ok(expectedLoadMs({ ...PLAN, servers: [server('x')] }, 1e6) > once);
});

test('the line names the sync that it reckons with, and the disk of one image', () => {
  const line = loadCost(PLAN, 1e6);
  assert.match(
    line,
    /^expected: about \d+ s \(1 rounds of 1 servers, a sync takes 1000 µs\); up to 160 MiB in \/images$/,
  );
});
