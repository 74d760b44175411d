/** A policy that is registered is in every list: nothing else has to be told of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findPolicy, policyNamed, policyNames, registerPolicy, STAGES } from '../engine/index.ts';
import { policies } from './commands/policies.ts';
import { exactPoints } from './measure/gate/points.ts';
import { planCells } from './measure/plan/planned-cells.ts';
import { orderMutant } from './safety/mutants/mutants.ts';
import { withoutVerdict } from './safety/mutants/testing/mutant-kills.ts';
import { safetySubjects } from './safety/record/safety-plan.ts';
import { SafetyWork } from './safety/record/safety-record.ts';

const NAME = 'dummy';
const pointsBefore = exactPoints().map(({ name }) => name);
const subjectsBefore = safetySubjects();

registerPolicy({
  name: NAME,
  summary: 'writeback by another name',
  behaviour: { ...STAGES.S4b.behaviour, l2CacheTables: 7 },
  hostCacheMode: 'none',
  create: policyNamed('writeback').create,
});

const one = <Value>(value: Value) => [{ value, text: String(value) }];
const SHAPE = {
  ...{ versions: one(3 as const), clusterSizes: one(65536), l2Caches: one(null) },
  ...{ refcountCaches: one(null), devices: one(null) },
};

test('plans: among all policies, with its own sizes and host cache mode, at no stage of history', () => {
  const cell = planCells({ ...SHAPE, policy: 'all' }).find(({ id }) => id === NAME);
  assert.ok(cell?.engine === 'cowbench');
  const { policy, stage, hostCacheMode, l2CacheTables } = cell;
  assert.deepEqual([policy, stage, hostCacheMode, l2CacheTables], [NAME, null, 'none', 7]);
  assert.throws(
    () => planCells({ ...SHAPE, policy: NAME, stage: 'S2' }),
    /dummy does not exist at stage S2; it is not a stage of history/,
  );
});

test('safety record: explored, its mutants hunted, its barriers left out one by one', () => {
  const subject = safetySubjects().find(({ policy }) => policy === NAME);
  assert.deepEqual(subject, { policy: NAME, stage: null, hostCacheMode: null });
  assert.deepEqual(
    safetySubjects().filter(({ policy }) => policy !== NAME),
    subjectsBefore,
  );
  const plan = {
    ...{ length: 1, clusterSizes: [4096], caches: [null], statesPerPoint: 16, qemuStates: 0 },
    ...{ policies: [NAME], tools: { qemuImg: null, qemuIo: null } },
  } as const;
  const partsWith = (mutants: 'none' | 'named') => new SafetyWork({ ...plan, mutants }).names.length;
  assert.ok(partsWith('none') > 0 && partsWith('named') > partsWith('none'));
});

test('mutant tests: for each deliberate mistake they ask for a kill or a reason', () => {
  assert.ok(policyNames().includes(NAME));
  assert.ok(withoutVerdict(NAME).length >= 22);
  assert.doesNotThrow(() => orderMutant('mapping-before-free'));
});

test('gate: measured by each small run, beside the points of history, which stay what they are', () => {
  const names = exactPoints().map(({ name }) => name);
  const own = names.filter((name) => name.endsWith(` ${NAME} none`));
  assert.equal(own.length, new Set(own).size);
  assert.equal(names.length, pointsBefore.length + own.length);
  assert.ok(own.length >= 6);
  assert.deepEqual(
    names.filter((name) => !own.includes(name)),
    pointsBefore,
  );
});

let listed = '';
const { log } = console;
before(() => {
  console.log = (text: string) => (listed += `${text}\n`);
});
after(() => {
  console.log = log;
});

test('help and lists: named with its summary', async () => {
  for (const json of [undefined, true]) await policies.handler({ json, _: [], $0: 'cowbench' });
  console.log = log;
  assert.match(listed, /^ {2}dummy +writeback by another name; host cache mode none$/m);
  assert.match(listed, /"name": "dummy"/);
});

test('a name that is taken, is a stage, or is none, is refused', () => {
  const preset = findPolicy(NAME).preset;
  for (const [name, why] of [
    [NAME, /a policy with that name exists already/],
    ['s2', /a stage has that name/],
    ['two words', /a name is lower-case letters/],
    ['', /a name is lower-case letters/],
  ] as const) {
    assert.throws(() => registerPolicy({ ...preset, name }), { code: 'INVALID_ARGUMENT', message: why });
  }
});
