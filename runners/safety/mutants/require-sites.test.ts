/**
 * Every place in the image code that states an order is needed: without it the explorer finds damage, or the numbers of syncs are no
 * longer those of the programs of history.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PolicyFactory, PolicyName, PolicyParts } from '../../../engine/index.ts';
import { runOps } from '../../ops/run.ts';
import { inFastDirectory, referenceRows, referenceScript, referenceStart } from '../../ops/testing/reference.ts';
import type { CrashRequest, CrashWorkload } from '../requests/crash-workload.ts';
import { sequenceImage } from '../requests/sequences.ts';
import { recordWorkload } from '../states/record-workload.ts';
import { Hunter, huntedWorkloads } from './mutant-hunt.ts';
import { type AlterationName, siteMutant } from './mutants.ts';
import { DeafToSitePolicy, type RequireSite } from './require-sites.ts';
import { type KnownKill, ORDER_KILLS } from './testing/mutant-kills.ts';
import { requireSites } from './testing/order-sites.ts';

const SITES = requireSites();
const WORKLOADS = [...huntedWorkloads()];

/** What a policy must survive that writes out no more than it is told to. */
const NARROW: AlterationName = 'narrow write-out, other refcounts first';
const NARROW_ROW: KnownKill = { mutant: NARROW, policy: 'writeback', workload: 'refcount-leap', clusterSizeBytes: 512 };

/** Reference scripts that are short, and between them state most orders. */
const COUNTED_SCRIPTS = ['08-snap-sparse16', '12-refblock-grow'];
const COUNTED = { stage: 'S4b', cache: 'writeback' } as const;

const hunters = new Map<PolicyName, Hunter>();

function hunter(policy: PolicyName): Hunter {
  const options = { statesPerPoint: 4096, seed: 1, repairs: 0 };
  const known = hunters.get(policy) ?? new Hunter({ policy, stage: null, hostCacheMode: null }, options);
  hunters.set(policy, known);
  return known;
}

function killWithout(site: RequireSite, row: KnownKill, within?: AlterationName): string | null {
  const { policy, workload, clusterSizeBytes = 4096 } = row;
  const { kill } = hunter(policy).hunt(
    siteMutant(site, within),
    ({ name, image }) => name === workload && image.clusterSizeBytes === clusterSizeBytes,
  );
  if (kill === null) return null;
  return `${kill.kind} in ${kill.op} (${kill.what}): ${policy}${within === undefined ? '' : `, ${within}`}, ${workload}`;
}

/** Tells where the syncs of the reference scripts are no longer those of the reference; null when all are the same. */
async function countsWithout(site: RequireSite | null, heard?: (site: RequireSite) => void): Promise<string | null> {
  const differences: string[] = [];
  await inFastDirectory(async (directory) => {
    for (const name of COUNTED_SCRIPTS) {
      const wanted = referenceRows().find(
        (row) => row.script === name && row.stage === COUNTED.stage && row.mode === COUNTED.cache,
      );
      const script = referenceScript(name);
      const start = referenceStart(script);
      const alterPolicy = (create: PolicyFactory) => (parts: PolicyParts) => {
        const setup = create(parts);
        return { ...setup, policy: new DeafToSitePolicy(setup.policy, site, heard) };
      };
      const { fsyncs } = await runOps(script, { ...COUNTED, directory, start, alterPolicy });
      if (fsyncs !== wanted!.fsyncs) differences.push(`${fsyncs} syncs in ${name}, ${wanted!.fsyncs} in the reference`);
    }
  });
  return differences[0] ?? null;
}

/** Syncs inside the walk over a disk of three clusters. */
function walkSyncs(third: 'write' | 'write-compressed', site?: RequireSite): number {
  const image = sequenceImage(4096);
  const before: CrashRequest[] = [
    { op: 'write', offset: 0, length: 2 * 4096 },
    { op: third, offset: 2 * 4096, length: 4096 },
  ];
  const during: CrashRequest[] = [{ op: 'snapshot-create', name: 'new' }];
  const workload: CrashWorkload = { name: 'walk', image, cacheTables: null, before, during };
  const subject = { policy: 'writeback', stage: null, hostCacheMode: null } as const;
  const recording = recordWorkload(workload, subject, site === undefined ? {} : siteMutant(site));
  return recording.events.filter((event) => event.op === 'sync' && event.cause === 'snapshot-walk').length;
}

/** The first thing that is red without the statement at `site`; null when nothing is. */
async function redWithout(site: RequireSite): Promise<string | null> {
  for (const row of ORDER_KILLS) {
    const damage = killWithout(site, row);
    if (damage !== null) return damage;
  }
  const narrow = killWithout(site, NARROW_ROW, NARROW);
  if (narrow !== null) return narrow;
  const syncs = walkSyncs('write-compressed', site);
  if (syncs !== walkSyncs('write')) return `${syncs} syncs in a walk over a compressed cluster`;
  return await countsWithout(site);
}

describe('without the statement of an order at', () => {
  for (const site of SITES) {
    test(site, async (t) => {
      const red = await redWithout(site);
      assert.ok(red !== null, `${site} makes no difference to anything`);
      t.diagnostic(red);
    });
  }
});

test('every order that is heard is stated at a place that the scan has found', async () => {
  const heard = new Set<RequireSite>();
  assert.equal(await countsWithout(null, (site) => heard.add(site)), null);
  assert.ok(heard.size >= 8, [...heard].join());
  assert.deepEqual(
    [...heard].filter((site) => !SITES.includes(site)),
    [],
  );
});

test('a snapshot walk syncs once for each cluster and each L2 table, compressed clusters included', () => {
  assert.equal(walkSyncs('write'), 4);
  assert.equal(walkSyncs('write-compressed'), 4);
});

test('a policy that writes out no more than it is told to is safe, as long as all orders are stated', () => {
  const { workload: name, clusterSizeBytes } = NARROW_ROW;
  for (const workload of WORKLOADS) {
    if (workload.name !== name || workload.image.clusterSizeBytes !== clusterSizeBytes) continue;
    assert.deepEqual(hunter('writeback').ownSymptoms(workload, NARROW), []);
  }
});
