/** The record of millions of judged states: what `cowbench explore` writes and `docs/safety.md` shows. */
import fs from 'node:fs';
import { FINDING_CLASSES, type FindingClass, isViolation } from '../judge/state-verdict.ts';
import type { GroupTally, ManyStatesScope, StateGroup } from './many-states.ts';

/** Where it is, in the project. */
export const MANY_STATES_RECORD = 'results/crash-states.json';

export interface ManyStatesRecord {
  readonly command: string;
  readonly commit: string | null;
  readonly dirty: boolean;
  readonly scope: ManyStatesScope;
  readonly groups: readonly ManyStatesRow[];
}

export interface ManyStatesRow extends StateGroup {
  readonly workloads: number;
  readonly points: number;
  readonly exhaustivePoints: number;
  readonly states: number;
  readonly findings: Readonly<Record<FindingClass, number>>;
  readonly maxLeakedClusters: number;
  readonly repairs: number;
}

export function manyStatesRecord(
  command: string,
  { commit, dirty }: { readonly commit: string | null; readonly dirty: boolean },
  scope: ManyStatesScope,
  groups: readonly GroupTally[],
): ManyStatesRecord {
  return { command, commit, dirty, scope, groups: groups.map(rowOf) };
}

/** Null where there is none. */
export function readManyStates(file: string): ManyStatesRecord | null {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : null;
}

function rowOf({ group, tally }: GroupTally): ManyStatesRow {
  const { workloads, points, exhaustivePoints, states, findings, maxLeakedClusters, repairs } = tally;
  return { ...group, workloads, points, exhaustivePoints, states, findings, maxLeakedClusters, repairs };
}

export const manyStatesHeader = [
  'policy',
  'workloads of',
  'cluster',
  'cache',
  'workloads',
  'crash points',
  'exhaustive',
  'states',
  'violations',
  'copiedOnly',
  'repairs',
  'most leaked clusters',
];

export function groupCells(group: GroupTally): string[] {
  return rowCells(rowOf(group));
}

export function rowCells({ policy, work, shape, findings, ...row }: ManyStatesRow): string[] {
  const violations = FINDING_CLASSES.filter(isViolation).reduce((sum, kind) => sum + findings[kind], 0);
  return [
    policy,
    work,
    String(shape.clusterSizeBytes),
    shape.cacheTables === null ? 'own' : `${shape.cacheTables.l2} tables`,
    ...[row.workloads, row.points, row.exhaustivePoints, row.states, violations].map(String),
    ...[findings.copiedOnly, row.repairs, row.maxLeakedClusters].map(String),
  ];
}
