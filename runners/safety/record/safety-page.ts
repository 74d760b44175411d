/** The text of `docs/safety.md`: tables and nothing that was not measured. */

import { FINDING_CLASSES, isViolated } from '../judge/state-verdict.ts';
import type { HuntResult, HuntVerdict } from '../mutants/mutant-hunt.ts';
import { mutantNamed } from '../mutants/mutants.ts';
import { PEER_CLUSTER_SIZES } from '../qemu/qemu-exploration.ts';
import type { ConfusionMatrix } from '../qemu/qemu-verdicts.ts';
import { BARRIER_CLUSTER_BYTES } from './jobs.ts';
import { findingsSection, leakRepairSection } from './known-findings-page.ts';
import { manyStatesSection } from './many-states-page.ts';
import type { ManyStatesRecord } from './many-states-record.ts';
import { escaped, markdownTable } from './markdown-table.ts';
import type { PeerValue } from './part-values.ts';
import type { SafetyPlan } from './safety-plan.ts';
import type { SafetyRecord, SafetyResults } from './safety-record.ts';

export interface SafetyFindings extends SafetyResults {
  readonly plan: SafetyPlan;
  /** What `cowbench explore` wrote; null where it has not. */
  readonly manyStates: ManyStatesRecord | null;
  readonly command: string;
  readonly commit: string;
}

export function safetyPage(findings: SafetyFindings): string {
  const { records, matrix, peer, manyStates, leakRepairs, findings: known } = findings;
  const parts = [introduction(findings), verdicts(records), classes(records)];
  if (known !== null) parts.push(findingsSection(known));
  if (manyStates !== null) parts.push(manyStatesSection(manyStates));
  parts.push(barriers(records), mutants(findings));
  if (matrix !== null) parts.push(checkers(matrix));
  if (leakRepairs !== null) parts.push(leakRepairSection(leakRepairs));
  if (peer !== null) parts.push(peerRow(peer));
  return `${[...parts, OUTSIDE].join('\n\n')}\n`;
}

function introduction({ plan, command, commit }: SafetyFindings): string {
  const caches = plan.caches.map((tables) => (tables === null ? 'those of the stage' : `${tables.l2} tables each`));
  return [
    '# What a power cut does under each policy',
    '',
    '<!-- Generated; edits are lost. -->',
    '',
    `Made by \`${command}\` at ${commit}. What a state is and what is promised: [crash-model.md](crash-model.md).`,
    '',
    `Explored: every sequence of up to ${plan.length} operations on a plain image and on one with a snapshot, and the named`,
    `workloads of \`cowbench crash --help\`; clusters of ${plan.clusterSizes.join(', ')} bytes; table caches: ${caches.join('; ')};`,
    `up to ${plan.statesPerPoint} combinations per crash point, beyond that a seeded sample.`,
    '',
    'A row that names a stage is the writeback policy as it was then, with the defects it had; the others are the presets.',
  ].join('\n');
}

function verdicts(records: readonly SafetyRecord[]): string {
  const header = [
    'policy',
    'verdict',
    'workloads',
    'crash points',
    'exhaustive',
    'sampled',
    'states',
    'distinct',
    'most in-flight sectors',
    'most leaked clusters',
  ];
  const rows = records.map(({ subject, tally }) => [
    nameOf(subject),
    isViolated(tally.findings) ? '**violated**' : 'kept',
    ...[tally.workloads, tally.points, tally.exhaustivePoints, tally.points - tally.exhaustivePoints].map(String),
    ...[tally.states, tally.distinctStates, tally.maxAtoms, tally.maxLeakedClusters].map(String),
  ]);
  const note =
    'A *crash point* is a moment at which a power failure has new outcomes; *in-flight sectors* may or may not persist there. States are distinct within their workload.';
  return ['## Verdicts', '', ...markdownTable(header, rows), '', note].join('\n');
}

function classes(records: readonly SafetyRecord[]): string {
  const rows = records.map(({ subject, tally }) => [
    nameOf(subject),
    ...FINDING_CLASSES.map((kind) => String(tally.findings[kind])),
  ]);
  const simplest = records.flatMap(({ subject, tally }) =>
    FINDING_CLASSES.flatMap((kind) => {
      const found = tally.examples[kind];
      if (found === undefined) return [];
      const { workload, example } = found;
      return [[nameOf(subject), kind, workload.name, String(workload.image.clusterSizeBytes), example.reason]];
    }),
  );
  return [
    '## States by class of violation',
    '',
    ...markdownTable(['policy', ...FINDING_CLASSES], rows),
    '',
    'A state may count in several classes. `copiedShared` is COPIED on a cluster with several references, a violation; `copiedOnly` covers the harmless directions (a missing flag, or a refcount that is too high), which are counted but no violation.',
    '',
    'The simplest workload that shows each, and the finding:',
    '',
    ...markdownTable(['policy', 'class', 'workload', 'cluster', 'finding'], simplest),
  ].join('\n');
}

function barriers(records: readonly SafetyRecord[]): string {
  const rows = records.map(({ subject, barriers: { barriers: all, loadBearing, guestWrites } }) => [
    nameOf(subject),
    String(all),
    ((all / guestWrites) * 1000).toFixed(0),
    String(loadBearing),
    `${((loadBearing / all) * 100).toFixed(0)} %`,
  ]);
  return [
    '## Load-bearing barriers',
    '',
    `Each barrier (a sync, or a write to a file opened O_DSYNC) of the named workloads on ${BARRIER_CLUSTER_BYTES}-byte clusters is left out alone, and`,
    'the rest explored again. It is load-bearing when a new class of violation appears; a barrier that its two neighbours',
    'cover for is not, though two such together may be. Where a policy breaks a promise anyway, a barrier for the same promise does not show.',
    '',
    ...markdownTable(['policy', 'barriers', 'barriers / 1000 guest writes', 'load-bearing', 'share'], rows),
  ].join('\n');
}

function mutants({ records, plan }: SafetyFindings): string {
  const hunted = records.filter(({ hunts }) => hunts.length > 0);
  if (hunted.length === 0) return '## Mutants\n\nNot part of this run.';
  const names = [...new Set(hunted.flatMap(({ hunts }) => hunts.map(({ mutant }) => mutant)))];
  const reasons = [...new Set(hunted.flatMap(({ hunts }) => hunts.flatMap(({ why }) => why ?? [])))];
  const huntOf = ({ hunts }: SafetyRecord, name: string) => hunts.find(({ mutant }) => mutant === name);
  const cell = (record: SafetyRecord, name: string) => {
    const hunt = huntOf(record, name);
    return hunt === undefined ? '' : huntWords(hunt, reasons);
  };
  const workloads =
    plan.mutants === 'all' ? 'the named workloads and all sequences of two operations' : 'the named workloads alone';
  return [
    '## Mutants',
    '',
    `Deliberate mistakes, tested with ${workloads}. A mutant is *killed* by damage that the policy alone, with every state of the workload`,
    'tried, does not show in that request. A mutant without effect under a policy has a note that says why; `runners/safety/mutants/testing/mutant-kills.ts` says',
    "where it has one. A mistake *in the policy itself* is history's own: the policy shows damage that is gone when that mistake is fixed.",
    '',
    ...hunted.map((record) => `- ${nameOf(record.subject)}: ${verdictCounts(record)}`),
    '',
    ...markdownTable(
      ['mutant', 'mistake', ...hunted.map(({ subject }) => nameOf(subject))],
      names.map((name) => [name, mutantNamed(name).title, ...hunted.map((record) => cell(record, name))]),
    ),
    '',
    ...reasons.map((reason, index) => `${index + 1}. ${escaped(reason)}`),
  ].join('\n');
}

function verdictCounts({ hunts }: SafetyRecord): string {
  const count = (wanted: HuntVerdict) => hunts.filter(({ verdict }) => verdict === wanted).length;
  const sum = `${count('killed')} killed, ${count('present')} in the policy itself, ${count('equivalent')} without effect`;
  const unexplained = hunts.filter(({ verdict }) => verdict === 'unexplained').map(({ mutant }) => mutant);
  return unexplained.length === 0 ? sum : `${sum}, **not explained: ${unexplained.join(', ')}**`;
}

function huntWords({ verdict, kill, why }: HuntResult, reasons: readonly string[]): string {
  if (why !== null) return `no effect (${reasons.indexOf(why) + 1})`;
  if (kill === null) return '**not explained**';
  const { kind, op, workload, badStates, states } = kill;
  const where = verdict === 'present' ? 'in the policy itself: ' : '';
  return `${where}${kind} in ${op}: ${workload}, ${badStates} of ${states}`;
}

function checkers(matrix: ConfusionMatrix): string {
  const total = [...matrix.values()].reduce((sum, count) => sum + count, 0);
  const rows = [...matrix].map(([key, count]) => [...key.split('/'), String(count)]);
  return [
    '## Our checker and qemu-img check',
    '',
    `${total} states with different content, of the named workloads under every policy above, checked by both. COPIED errors count as corruption.`,
    '',
    ...markdownTable(['ours', 'qemu-img', 'states'], rows.sort()),
  ].join('\n');
}

function peerRow({ name, tally, leftOut }: PeerValue): string {
  const counts = [tally.workloads, tally.points, tally.exhaustivePoints, tally.states, tally.distinctStates];
  const found = FINDING_CLASSES.map((kind) => tally.findings[kind]);
  const header = [
    '',
    'verdict',
    'workloads',
    'crash points',
    'exhaustive',
    'states',
    'distinct',
    ...FINDING_CLASSES,
    'most leaked clusters',
  ];
  const verdict = isViolated(tally.findings) ? '**violated**' : 'kept';
  const examples = FINDING_CLASSES.flatMap((kind) => {
    const example = tally.examples[kind];
    if (example === undefined) return [];
    const { workload } = example;
    return [[kind, workload.name, String(workload.image.clusterSizeBytes), example.example.reason]];
  });
  const reasons = new Map(leftOut.map(({ workload, reason }) => [workload.name, reason]));
  return [
    `## ${escaped(name)}, same workloads`,
    '',
    `The installed qemu-io and qemu-img in writeback mode, their own cache sizes, recorded by QEMU's \`blklogwrites\`: the named workloads on`,
    `clusters of ${PEER_CLUSTER_SIZES.join(' and ')} bytes, no sequences, the same judge. How this differs from our recordings:`,
    '[crash-model.md](crash-model.md#qemu-as-the-system-under-test).',
    '',
    ...markdownTable(header, [[name, verdict, ...[...counts, ...found, tally.maxLeakedClusters].map(String)]]),
    '',
    ...markdownTable(['class', 'workload', 'cluster', 'finding'], examples),
    '',
    'Left out:',
    '',
    ...[...reasons].map(([workload, reason]) => `- ${escaped(workload)}: ${escaped(reason)}`),
  ].join('\n');
}

const OUTSIDE = [
  '## Outside the model',
  '',
  'Bit rot, misdirected writes, drives that acknowledge a flush without performing it, the loss of the directory entry, and file systems that',
  'reorder size changes among themselves. No power was cut: these are the states that the model allows, not states seen on a disk.',
].join('\n');

function nameOf({ policy, stage }: SafetyRecord['subject']): string {
  return stage === null ? policy : `${policy} ${stage}`;
}
