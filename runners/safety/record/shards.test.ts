/** A safety record made in shards is the record made at once, however it is split. The long form: `npm run safety:split`. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { FinishedParts } from '../../shards/finished-parts.ts';
import { checkedValue, mergePartFiles, writePartFile } from '../../shards/part-file.ts';
import { type Shard, shareOf } from '../../shards/shard.ts';
import { leftOutReason, testTools } from '../../testing/tools.ts';
import { emptyTally } from '../explore/tally.ts';
import { mutantsOf } from '../mutants/mutants.ts';
import { HuntValue, TallyValue } from './part-values.ts';
import { safetyPage } from './safety-page.ts';
import { SafetyPlan, safetyTools } from './safety-plan.ts';
import { SafetyWork } from './safety-record.ts';

const isLeftOut = (process.env.CI ?? '') === '' && testTools().missing.includes('qemu-img');
const skip = isLeftOut && leftOutReason('qemu-img');

/** A page with everything that a page may have. */
const PLAN = SafetyPlan.parse({
  ...{ length: 1, clusterSizes: [512], caches: [null], statesPerPoint: 2, qemuStates: 1, mutants: 'named' },
  ...{ policies: ['ordered'], tools: safetyTools(isLeftOut ? 0 : 1, !isLeftOut) },
});
const PROGRAM = { version: '0', commit: null, dirty: false };
const { names } = new SafetyWork(PLAN);

/** Known from an earlier sitting: what would take a minute here. Of the mutants, one is hunted. */
const EARLIER = new Map<string, unknown>([
  ...mutantsOf('ordered')
    .map(({ name: mutant }, index): [string, unknown] => [
      `mutants of ordered , ${index}`,
      { mutant, verdict: 'equivalent', kill: null, why: `reason ${index}`, workloadsTried: index },
    ])
    .slice(1),
  ['states of the installed QEMU', { name: 'QEMU of then', tally: emptyTally(), leftOut: [] }],
  [
    'states repaired by qemu-img',
    [{ policy: 'ordered', op: 'snapshot', states: 3, unclean: 2, cleaned: 1, changed: 0 }],
  ],
  ['findings about QEMU', [{ finding: 'F1', who: 'ordered', shown: 0, states: 7 }]],
]);

let folder: string;
let whole: FinishedParts;
before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  if (isLeftOut) return;
  whole = await done('whole', new Set(names));
});
after(() => fs.rmSync(folder, { recursive: true }));

async function done(name: string, mine: ReadonlySet<string>): Promise<FinishedParts> {
  const finished = new FinishedParts(path.join(folder, name), PLAN);
  for (const [part, value] of EARLIER) if (mine.has(part)) finished.keep(part, value);
  const { signal } = new AbortController();
  await new SafetyWork(PLAN).run({ finished, mine, onPart: () => {}, signal, threads: 1 });
  return finished;
}

function pageOf(parts: ReadonlyMap<string, unknown>): string {
  const results = new SafetyWork(PLAN).results((name, schema) => checkedValue(name, parts.get(name), schema));
  return safetyPage({ ...results, manyStates: null, plan: PLAN, command: 'c', commit: 'd' });
}

test('seven shards give the page of the whole work, mutants and QEMU included; each part is done in one shard', {
  skip,
}, async () => {
  assert.deepEqual([...whole.all.keys()].sort(), names.toSorted());
  const page = pageOf(whole.all);
  assert.match(page, /\| ordered \| kept \| \d\d+ \|/);
  for (const words of ['reason 50', 'QEMU of then', 'F1', 'qemu-img', 'killed']) assert.ok(page.includes(words), words);
  const files: string[] = [];
  let count = 0;
  for (let index = 1; index <= 7; index++) {
    const shard: Shard = { index, count: 7 };
    const { all } = await done(`${index}`, shareOf(names, shard));
    files.push(path.join(folder, `part-${index}.json`));
    writePartFile(files.at(-1)!, shard, { kind: 'safety', program: PROGRAM, plan: PLAN }, all);
    count += all.size;
  }
  assert.equal(count, names.length);
  const { parts } = mergePartFiles(files.toReversed(), {
    ...{ kind: 'safety', program: PROGRAM, plan: SafetyPlan },
    shareOf: (plan, shard) => shareOf(new SafetyWork(plan).names, shard),
  });
  assert.equal(pageOf(parts), page);
  assert.deepEqual(new Map([...parts].sort()), new Map([...whole.all].sort()));
});

test('results from elsewhere are checked, and their words are no markup', { skip }, () => {
  const parts = new Map(whole.all) as Map<string, { findings: Record<string, number>; examples: object }>;
  const name = names[0]!;
  const tally = parts.get(name)!;
  const refused = [null, {}, { ...tally, states: -1 }, { ...tally, states: 0.5 }, { ...tally, findings: { odd: 1 } }];
  for (const value of refused) assert.throws(() => checkedValue(name, value, TallyValue), { name: 'UsageError' });
  const hunt = parts.get('mutants of ordered , 0')!;
  assert.throws(() => checkedValue('m', { ...hunt, mutant: 'none' }, HuntValue), {
    message: '--merge: part "m": mutant: no mutant of this program',
  });
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
