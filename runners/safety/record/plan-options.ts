/** The options that decide what a safety record is about. */
import { policyNamed, policyNames } from '../../../engine/index.ts';
import { UsageError } from '../../console/errors.ts';
import { value } from '../../console/help-page.ts';
import { clusterSize, integer, list, type OptionText, single } from '../../console/option-values.ts';
import { type SafetyPlan, safetyTools } from './safety-plan.ts';

type Options = Readonly<Record<string, unknown>>;

const MUTANT_WORDS = ['none', 'named', 'all'] as const;

export const SAFETY_PLAN_OPTIONS = {
  length: { ...value('N'), default: '2', describe: 'operations per sequence, 1 to 3' },
  'cluster-size': { ...value('SIZE,…'), default: '512,4096,65536', describe: 'cluster sizes of the images' },
  'cache-tables': {
    ...value('N,…'),
    default: '2,stage',
    describe: 'tables per cache; stage: as the stage had',
  },
  states: { ...value('N'), default: '65536', describe: 'crash states tried per crash point; beyond that, a sample' },
  'qemu-states': {
    ...value('N'),
    default: '40',
    describe: 'states per recording that qemu-img checks too; 0: none',
  },
  mutants: { ...value('WHICH'), default: 'named', describe: 'workloads to test mutants with: none, named or all' },
  policy: { ...value('POLICY,…'), default: 'all', describe: 'explore these policies only, at no stage of history' },
  'qemu-peer': { type: 'boolean', default: true, describe: 'include the installed QEMU in the tables' },
} as const;

/** Throws UsageError. */
export function safetyPlanOf(options: Options): SafetyPlan {
  const mutantsText = text(options, 'mutants');
  const mutants = MUTANT_WORDS.find((word) => word === mutantsText);
  if (mutants === undefined) throw new UsageError(`--mutants "${mutantsText}": expected none, named or all`);
  const qemuStates = integer('qemu-states', text(options, 'qemu-states'), 0, 2 ** 20);
  return {
    length: integer('length', text(options, 'length'), 1, 3),
    clusterSizes: list('cluster-size', text(options, 'cluster-size')).map((word) => clusterSize('cluster-size', word)),
    caches: list('cache-tables', text(options, 'cache-tables')).map((word) => {
      if (word === 'stage') return null;
      const tables = integer('cache-tables', word, 1, 1024);
      return { l2: tables, refcounts: tables };
    }),
    statesPerPoint: integer('states', text(options, 'states'), 2, 2 ** 22),
    qemuStates,
    mutants,
    policies: policiesOf(text(options, 'policy')),
    tools: safetyTools(qemuStates, options['qemu-peer'] !== false),
  };
}

function policiesOf(words: string): SafetyPlan['policies'] {
  if (words === SAFETY_PLAN_OPTIONS.policy.default) return null;
  const named = list('policy', words).map((word) => policyNamed(word).name);
  return policyNames().filter((name) => named.includes(name));
}

function text(options: Options, name: string): string {
  return single(name, options[name] as OptionText);
}
