/**
 * Every operation of small workloads fails, each in turn, in every way. A one-time fault leaves leaks at most. One that lasts
 * leaves the file as a power cut there would: corrupt only in a request during which the crash explorer finds corruption too, where
 * history's order of calls has no better state. What is left of these stands in `docs/faults.md`, which is held to it here.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { FAULT_KINDS, type Fault, type PolicyName, policyNames } from '../../../engine/index.ts';
import { FaultTrials, type TrialResult } from './testing/fault-trial.ts';
import { FAULT_WORKLOAD_NAMES, type FaultWorkload, faultWorkload } from './testing/fault-workloads.ts';
import { requestsCorruptAfterPowerCut } from './testing/power-cut-record.ts';

const PAGE = path.join(import.meta.dirname, '../../../docs/faults.md');
const ALL_POLICIES = policyNames();
/** Its image of thousands of clusters makes a trial slow, so that of its positions one in this many is tried. */
const GROWTH_STRIDE = 23;

/** They keep freed clusters until an epoch is durable. */
const HOLD_BACK: ReadonlySet<PolicyName> = new Set(['ordered', 'reserve']);

/** Runs left corrupt by faults that last, of one workload and kind of request. */
interface LeftCorrupt {
  trials: number;
  repaired: number;
  withoutSnapshots: number;
}

class Sweep {
  trials = 0;
  failedSyncs = 0;
  /** Trials in which a full disk led to the release of what was held back. */
  madeRoom = 0;
  /** By workload and kind of request. */
  readonly left = new Map<string, LeftCorrupt>();
  readonly #policy: PolicyName;

  constructor(policy: PolicyName) {
    this.#policy = policy;
  }

  run(name: string, clusterSizeBytes: number): void {
    const workload = faultWorkload(name, clusterSizeBytes);
    const trials = new FaultTrials(workload, this.#policy);
    const stride = name === 'refcount-growth' && clusterSizeBytes === 512 ? GROWTH_STRIDE : 1;
    const corrupted = new Set<number>();
    const before = this.trials;
    for (const kind of FAULT_KINDS.filter((each) => each !== 'EINTR')) {
      for (const forGood of [false, true]) {
        for (let position = 1; ; position += stride) {
          const result = trials.run({ kind, position, forGood });
          if (result.struck === null) break;
          this.#take(result, { kind, position, forGood }, name, workload);
          if (result.neededRepair !== 'nothing') corrupted.add(result.struckRequest);
        }
      }
    }
    assert.ok(this.trials - before > 10, `${name}: ${this.trials - before} trials`);
    if (corrupted.size === 0) return;
    const powerCut = requestsCorruptAfterPowerCut(workload, this.#policy);
    assert.deepEqual(
      [...corrupted].filter((request) => !powerCut.has(request)),
      [],
      `${name}: requests that no power cut leaves corrupt`,
    );
  }

  #take(result: TrialResult, { kind, position, forGood }: Fault, name: string, workload: FaultWorkload): void {
    this.trials++;
    if (result.struck!.operation === 'sync') this.failedSyncs++;
    if (result.madeRoom) this.madeRoom++;
    const where = `${workload.name}: ${kind} at ${position}${forGood ? ' for good' : ''}`;
    const mayBeCorrupt = result.isLasting;
    const wrong = result.violations.filter((violation) => !(mayBeCorrupt && violation.class === 'corrupt'));
    assert.deepEqual(wrong, [], where);
    if (!mayBeCorrupt) assert.equal(result.check.copiedErrors, 0, `${where}: COPIED flags`);
    if (result.neededRepair === 'nothing') return;
    const request = [...workload.before, ...workload.during][result.struckRequest];
    const key = `${name} | ${request?.op ?? 'close'}`;
    const left = this.left.get(key) ?? { trials: 0, repaired: 0, withoutSnapshots: 0 };
    this.left.set(key, left);
    left.trials++;
    if (result.neededRepair === 'repaired') left.repaired++;
    else left.withoutSnapshots++;
  }

  /** The lines of the table in `docs/faults.md`. */
  table(): string[] {
    return [...this.left].map(
      ([key, { trials, repaired, withoutSnapshots }]) =>
        `| ${this.#policy} | ${key} | ${trials} | ${repaired} | ${withoutSnapshots} |`,
    );
  }
}

for (const policy of ALL_POLICIES) {
  test(`${policy}: any operation of any workload fails`, (context) => {
    const sweep = new Sweep(policy);
    for (const clusterSizeBytes of [512, 4096])
      for (const name of FAULT_WORKLOAD_NAMES) sweep.run(name, clusterSizeBytes);
    assert.ok(sweep.failedSyncs > 0);
    assert.equal(sweep.madeRoom > 0, HOLD_BACK.has(policy));
    const { trials, failedSyncs, madeRoom } = sweep;
    context.diagnostic(`${trials} trials, of them ${failedSyncs} with a failed sync, ${madeRoom} with room made`);
    const published = fs.readFileSync(PAGE, 'utf8').split('\n');
    assert.deepEqual(
      published.filter((line) => line.startsWith(`| ${policy} | `)),
      sweep.table(),
    );
  });
}

test('an interrupted call is made again: the same calls, the same content, and the guest sees nothing', () => {
  for (const policy of ALL_POLICIES) {
    for (const name of FAULT_WORKLOAD_NAMES) {
      const trials = new FaultTrials(faultWorkload(name, 4096), policy);
      const undisturbed = trials.run({ kind: 'EINTR', position: Number.MAX_SAFE_INTEGER, forGood: false });
      // Each of them; then all of them.
      for (let position = 1; position <= undisturbed.candidates + 1; position++) {
        const forGood = position > undisturbed.candidates;
        const interrupted = trials.run({ kind: 'EINTR', position: forGood ? 1 : position, forGood });
        const violations = interrupted.violations.filter((violation) => violation.class !== 'hidden');
        assert.notEqual(interrupted.struck, null);
        assert.deepEqual(
          { ...interrupted, violations, struck: null, struckRequest: 0 },
          { ...undisturbed, struckRequest: 0 },
          `${policy}, ${name}, EINTR at ${position}`,
        );
      }
    }
  }
});
