/** A safety record made in shards is the record made at once, however it is split. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { FinishedParts } from '../../shards/finished-parts.ts';
import { checkedValue } from '../../shards/part-file.ts';
import { shareOf } from '../../shards/shard.ts';
import { TallyValue } from './part-values.ts';
import { safetyPage } from './safety-page.ts';
import { SafetyPlan } from './safety-plan.ts';
import { SafetyWork } from './safety-record.ts';

const PLAN = SafetyPlan.parse({
  ...{ length: 1, clusterSizes: [512], caches: [null], statesPerPoint: 2, qemuStates: 0, mutants: 'none' },
  ...{ policies: ['ordered'], tools: { qemuImg: null, qemuIo: null } },
});

let folder: string;
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
});
after(() => fs.rmSync(folder, { recursive: true }));

async function done(name: string, mine: (names: readonly string[]) => ReadonlySet<string>): Promise<FinishedParts> {
  const work = new SafetyWork(PLAN);
  const finished = new FinishedParts(path.join(folder, name), PLAN);
  await work.run(finished, mine(work.names), () => {}, new AbortController().signal);
  return finished;
}

function pageOf(parts: ReadonlyMap<string, unknown>): string {
  const results = new SafetyWork(PLAN).results((name, schema) => checkedValue(name, parts.get(name), schema));
  return safetyPage({ ...results, manyStates: null, plan: PLAN, command: 'c', commit: 'd' });
}

test('any split gives the page of the whole work; each part is done in one shard', async () => {
  const whole = await done('whole', (names) => new Set(names));
  assert.deepEqual([...whole.all.keys()].sort(), new SafetyWork(PLAN).names.toSorted());
  const page = pageOf(whole.all);
  assert.match(page, /\| ordered \| kept \| \d\d+ \|/);
  const shardOfTwo = (index: number) => done(`${index}`, (names) => shareOf(names, { index, count: 2 }));
  const shards = [await shardOfTwo(1), await shardOfTwo(2)];
  const merged = shards.flatMap(({ all }) => [...all]);
  assert.equal(merged.length, whole.all.size);
  assert.equal(pageOf(new Map(merged)), page);
  assert.deepEqual(new Map(merged.sort()), new Map([...whole.all].sort()));
});

test('results from elsewhere are checked, and their words are no markup', async () => {
  const whole = await done('whole', (names) => new Set(names));
  const parts = new Map(whole.all) as Map<string, { findings: Record<string, number>; examples: object }>;
  const name = new SafetyWork(PLAN).names[0]!;
  const tally = parts.get(name)!;
  const refused = [null, {}, { ...tally, states: -1 }, { ...tally, states: 0.5 }, { ...tally, findings: { odd: 1 } }];
  for (const value of refused) assert.throws(() => checkedValue(name, value, TallyValue), { name: 'UsageError' });
  const example = (reason: string) => ({
    workload: { name: 'w', image: { clusterSizeBytes: 512 }, before: [], during: [] },
    example: { kind: 'lost', reason, value: null, vector: [] },
  });
  const findings = { ...tally.findings, lost: 1 };
  parts.set(name, { ...tally, findings, examples: { lost: example('<script>|[x](y)') } });
  assert.match(pageOf(parts), /\| ordered \| lost \| w \| 512 \| &lt;script>\\\|\\\[x\\\]\(y\) \|/);
  parts.set(name, { ...tally, findings, examples: { lost: example('two\nlines') } });
  assert.throws(() => pageOf(parts), { name: 'UsageError', message: /lost\.example\.reason: must be one line$/ });
});
