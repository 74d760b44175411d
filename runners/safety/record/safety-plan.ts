/** What one safety record is about: everything that decides its content, in a form that passes between machines. */
import { z } from 'zod';
import { policyNames, policyOfStage, policyPresets, STAGE_IDS } from '../../../engine/index.ts';
import { toolVersion } from '../../qemu/tools.ts';
import type { CrashSubject } from '../states/record-workload.ts';

const version = z.string().max(100);
const tables = z.int().min(1).max(1024);

export const SafetyPlan = z
  .strictObject({
    /** Operations of the longest sequences. */
    length: z.int().min(1).max(3),
    clusterSizes: z.array(z.int().min(512)).min(1).max(16).readonly(),
    /** Tables of each cache; null: as the stage had. */
    caches: z
      .array(z.strictObject({ l2: tables, refcounts: tables }).readonly().nullable())
      .min(1)
      .max(16)
      .readonly(),
    statesPerPoint: z
      .int()
      .min(2)
      .max(2 ** 22),
    /** States of each recording that go through qemu-img; 0: none. */
    qemuStates: z
      .int()
      .min(0)
      .max(2 ** 20),
    /** Which workloads mutants are tested with. */
    mutants: z.enum(['none', 'named', 'all']),
    /** The only policies, by name; null: all of them, at every stage. */
    policies: z
      .array(z.string().refine((name) => policyNames().includes(name), 'no policy of this program'))
      .min(1)
      .readonly()
      .nullable(),
    /** Versions of the QEMU tools whose results are in it; null: none are. */
    tools: z.strictObject({ qemuImg: version.nullable(), qemuIo: version.nullable() }).readonly(),
  })
  .readonly();
export type SafetyPlan = z.infer<typeof SafetyPlan>;

/** The versions of what is asked for. Throws UsageError where it is not installed. */
export function safetyTools(qemuStates: number, withPeer: boolean): SafetyPlan['tools'] {
  return {
    qemuImg: qemuStates > 0 ? toolVersion('qemu-img') : null,
    qemuIo: withPeer ? toolVersion('qemu-io') : null,
  };
}

/** The presets, then the writeback policy at each point of history that is not a preset's; or `policies` alone. */
export function safetySubjects(policies: SafetyPlan['policies'] = null): CrashSubject[] {
  const presets = policyPresets();
  const named = (name: string) => policies === null || policies.includes(name);
  const others = policies === null ? STAGE_IDS.filter((id) => !presets.some(({ stage }) => stage === id)) : [];
  return [
    ...presets.flatMap(({ name }) => (named(name) ? [subjectOf(name, null)] : [])),
    ...others.map((stage) => subjectOf(policyOfStage(stage, 'writeback'), stage)),
  ];
}

function subjectOf(policy: CrashSubject['policy'], stage: CrashSubject['stage']): CrashSubject {
  return { policy, stage, hostCacheMode: null };
}
