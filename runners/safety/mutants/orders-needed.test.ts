/**
 * Every order is needed, and each has one name for one place in the image code: without it the explorer finds damage, or the numbers of
 * syncs are no longer those of the programs of history.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type CachePolicy,
  ORDERS,
  type Order,
  type Ordering,
  type PolicyFactory,
  type PolicyName,
  policyNamed,
} from '../../../engine/index.ts';
import { runOps } from '../../ops/run.ts';
import { inFastDirectory, referenceRows, referenceScript, referenceStart } from '../../ops/testing/reference.ts';
import type { CrashRequest, CrashWorkload } from '../requests/crash-workload.ts';
import { sequenceImage } from '../requests/sequences.ts';
import { recordWorkload } from '../states/record-workload.ts';
import { Hunter, huntedWorkloads } from './mutant-hunt.ts';
import { MutantPolicy } from './mutant-policy.ts';
import { type AlterationName, mutantNamed, orderMutant } from './mutants.ts';
import { type KnownKill, ORDER_KILLS } from './testing/mutant-kills.ts';

const WORKLOADS = [...huntedWorkloads()];

/** What a policy must survive that writes out no more than it is asked for. */
const NARROW: AlterationName = 'narrow write-out, other refcounts first';
const NARROW_ROW: KnownKill = { mutant: NARROW, policy: 'writeback', workload: 'refcount-leap', clusterSizeBytes: 512 };

/** Reference scripts that are short, and between them state most orders. */
const COUNTED_SCRIPTS = ['08-snap-sparse16', '12-refblock-grow'];
const COUNTED = { stage: 'S4b', cache: 'writeback' } as const;

const SUBJECT = { policy: 'writeback', stage: null, hostCacheMode: null } as const;

const hunters = new Map<PolicyName, Hunter>();

function hunter(policy: PolicyName): Hunter {
  const options = { statesPerPoint: 4096, seed: 1, repairs: 0 };
  const known = hunters.get(policy) ?? new Hunter({ policy, stage: null, hostCacheMode: null }, options);
  hunters.set(policy, known);
  return known;
}

function killWithout(order: Order, row: KnownKill, within?: AlterationName): string | null {
  const { policy, workload, clusterSizeBytes = 4096 } = row;
  const { kill } = hunter(policy).hunt(
    orderMutant(order, within),
    ({ name, image }) => name === workload && image.clusterSizeBytes === clusterSizeBytes,
  );
  if (kill === null) return null;
  return `${kill.kind} in ${kill.op} (${kill.what}): ${policy}${within === undefined ? '' : `, ${within}`}, ${workload}`;
}

/** Hears which orders are declared. */
class HearingPolicy extends MutantPolicy {
  readonly #heard: Set<Order>;

  constructor(inner: CachePolicy, heard: Set<Order>) {
    super(inner);
    this.#heard = heard;
  }

  override order(ordering: Ordering): void {
    if (ordering.order !== null) this.#heard.add(ordering.order);
    super.order(ordering);
  }
}

const hearing =
  (heard: Set<Order>) =>
  (create: PolicyFactory): PolicyFactory =>
  (parts) => {
    const setup = create(parts);
    return { ...setup, policy: new HearingPolicy(setup.policy, heard) };
  };

/** Says where the syncs of the reference scripts are no longer those of the reference; null when all are the same. */
async function countsWithout(order: Order): Promise<string | null> {
  const differences: string[] = [];
  const alter = orderMutant(order).alterPolicy!;
  await inFastDirectory(async (directory) => {
    for (const name of COUNTED_SCRIPTS) {
      const wanted = referenceRows().find(
        (row) => row.script === name && row.stage === COUNTED.stage && row.mode === COUNTED.cache,
      );
      const script = referenceScript(name);
      const start = referenceStart(script);
      const alterPolicy = (create: PolicyFactory) => alter(create, { op: 'open' });
      const { fsyncs } = await runOps(script, { ...COUNTED, directory, start, alterPolicy });
      if (fsyncs !== wanted!.fsyncs) differences.push(`${fsyncs} syncs in ${name}, ${wanted!.fsyncs} in the reference`);
    }
  });
  return differences[0] ?? null;
}

/** Syncs inside the walk over a disk of three clusters. */
function walkSyncs(third: 'write' | 'write-compressed', without?: Order): number {
  const image = sequenceImage(4096);
  const before: CrashRequest[] = [
    { op: 'write', offset: 0, length: 2 * 4096 },
    { op: third, offset: 2 * 4096, length: 4096 },
  ];
  const during: CrashRequest[] = [{ op: 'snapshot-create', name: 'new' }];
  const workload: CrashWorkload = { name: 'walk', image, cacheTables: null, before, during };
  const recording = recordWorkload(workload, SUBJECT, without === undefined ? {} : orderMutant(without));
  return recording.events.filter((event) => event.op === 'sync' && event.cause === 'snapshot-walk').length;
}

/** The first thing that is red without `order`; null when nothing is. */
async function redWithout(order: Order): Promise<string | null> {
  for (const row of ORDER_KILLS) {
    const damage = killWithout(order, row);
    if (damage !== null) return damage;
  }
  const narrow = killWithout(order, NARROW_ROW, NARROW);
  if (narrow !== null) return narrow;
  const syncs = walkSyncs('write-compressed', order);
  if (syncs !== walkSyncs('write')) return `${syncs} syncs in a walk over a compressed cluster`;
  return await countsWithout(order);
}

describe('without the order', () => {
  for (const order of ORDERS) {
    test(order, async (t) => {
      const red = await redWithout(order);
      assert.ok(red !== null, `${order} makes no difference to anything`);
      t.diagnostic(red);
    });
  }
});

test('every order is declared somewhere', () => {
  const heard = new Set<Order>();
  const { create } = policyNamed('writeback');
  for (const workload of WORKLOADS) {
    if (ORDERS.every((order) => heard.has(order))) break;
    recordWorkload(workload, SUBJECT, { alterPolicy: () => hearing(heard)(create) });
  }
  assert.deepEqual(
    ORDERS.filter((order) => !heard.has(order)),
    [],
  );
});

test('an order left out by the name of its mutant is the same as by its own, alone and within other surroundings', () => {
  for (const within of [undefined, NARROW]) {
    const { name } = orderMutant('mapping-before-free', within);
    assert.equal(mutantNamed(name).name, name);
  }
  assert.throws(() => mutantNamed('no such order'), /no mutant/);
});

test('a snapshot walk syncs once for each cluster and each L2 table, compressed clusters included', () => {
  assert.equal(walkSyncs('write'), 4);
  assert.equal(walkSyncs('write-compressed'), 4);
});

test('a policy that writes out no more than its orders ask is safe, as long as all orders are stated', () => {
  const { workload: name, clusterSizeBytes } = NARROW_ROW;
  for (const workload of WORKLOADS) {
    if (workload.name !== name || workload.image.clusterSizeBytes !== clusterSizeBytes) continue;
    assert.deepEqual(hunter('writeback').ownSymptoms(workload, NARROW), []);
  }
});
