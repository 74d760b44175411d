/** `npm run safety`: explores every policy and writes `docs/safety.md`. Options narrow or widen what is explored. */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeSource, PROJECT_ROOT } from '../environment.ts';
import { describeFailure, UsageError } from '../errors.ts';
import { clusterSize, integer, list } from '../option-values.ts';
import { exploreNamedByQemu } from './qemu-exploration.ts';
import { safetyPage } from './safety-page.ts';
import { qemuVerdicts, SAFETY_SUBJECTS, type SafetyRecord, type SafetyScope, safetyOf } from './safety-record.ts';

const OPTIONS = {
  /** Operations in a sequence, 1 to 3. */
  length: { type: 'string', default: '2' },
  'cluster-size': { type: 'string', default: '512,4096,65536' },
  /** Tables in each cache, or `stage` for what the stage had. */
  'cache-tables': { type: 'string', default: '2,stage' },
  states: { type: 'string', default: '65536' },
  /** States of each recording that go through qemu-img as well; 0: none. */
  'qemu-states': { type: 'string', default: '40' },
  /** none, named or all. */
  mutants: { type: 'string', default: 'named' },
  /** Whether the installed QEMU stands beside the policies: yes or no. */
  'qemu-peer': { type: 'string', default: 'yes' },
  out: { type: 'string', default: path.join(PROJECT_ROOT, 'docs/safety.md') },
} as const;

function scopeOf(values: Readonly<Record<keyof typeof OPTIONS, string>>): SafetyScope {
  const mutants = (['none', 'named', 'all'] as const).find((word) => word === values.mutants);
  if (mutants === undefined) throw new UsageError(`--mutants "${values.mutants}": expected none, named or all`);
  return {
    length: integer('length', values.length, 1, 3),
    clusterSizes: list('cluster-size', values['cluster-size']).map((word) => clusterSize('cluster-size', word)),
    caches: list('cache-tables', values['cache-tables']).map((word) => {
      if (word === 'stage') return null;
      const tables = integer('cache-tables', word, 1, 1024);
      return { l2: tables, refcounts: tables };
    }),
    statesPerPoint: integer('states', values.states, 2, 2 ** 22),
    qemuStates: integer('qemu-states', values['qemu-states'], 0, 2 ** 20),
    mutants,
  };
}

async function writeSafety(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...words], options: OPTIONS });
  const scope = scopeOf(values);
  const withPeer = values['qemu-peer'] === 'yes';
  if (!withPeer && values['qemu-peer'] !== 'no')
    throw new UsageError(`--qemu-peer "${values['qemu-peer']}": expected yes or no`);
  const records: SafetyRecord[] = [];
  for (const subject of SAFETY_SUBJECTS) {
    const startMs = performance.now();
    const record = await safetyOf(subject, scope);
    records.push(record);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    console.error(`${subject.policy} ${subject.stage ?? ''}: ${record.tally.states} states, ${seconds} s`);
  }
  const matrix = scope.qemuStates === 0 ? null : await qemuVerdicts(scope);
  const peer = withPeer ? await exploreNamedByQemu(scope.statesPerPoint) : null;
  const { commit, dirty } = describeSource();
  const source = commit === null ? 'an unknown commit' : `${commit.slice(0, 12)}${dirty ? ' with changes' : ''}`;
  // Where the page goes changes nothing of what it says.
  const asked = words.filter((word, index) => word !== '--out' && words[index - 1] !== '--out');
  const command = ['npm run safety', ...(asked.length === 0 ? [] : ['--', ...asked])].join(' ');
  fs.writeFileSync(values.out, safetyPage({ scope, records, matrix, peer, command, commit: source }));
  console.error(`written: ${values.out}`);
}

try {
  await writeSafety(process.argv.slice(2));
} catch (error) {
  const isUse = error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  console.error(isUse ? (error as Error).message : describeFailure(error).message);
  process.exitCode = isUse ? 2 : 1;
}
