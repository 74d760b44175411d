/** What a script did to its file, in the names and terms of the reference counts: from after open to after close. */

import { textTable } from '../../dashboards/text/text-table.ts';
import type { AllCounts, FileCounts, HostCacheMode, PolicyName, StageId, TableKind } from '../../engine/index.ts';

export interface OpCounts {
  reads?: number;
  read_bytes?: number;
  writes?: number;
  write_bytes?: number;
  odsync_writes?: number;
  fsyncs?: number;
}

export interface OpsResult extends Required<OpCounts> {
  script: string;
  /** Null for a policy that is no point of history. */
  stage: StageId | null;
  /** Present when a policy was asked for, not a stage. */
  policy?: PolicyName;
  mode: HostCacheMode;
  image_bytes: number;
  /** First 12 hex digits. */
  image_sha1: string;
  by_op: Record<string, OpCounts>;
  writes_by_role: Record<string, number>;
  write_bytes_by_role: Record<string, number>;
}

/** What the reads at open are counted under, which the reference leaves out. */
export const OPEN = 'open';
/** What happens at close is counted under it, which the reference has in its totals only. */
export const CLOSE = 'close';

/** The reference's names for what a write touches. */
const ROLES: Record<TableKind, string> = {
  header: 'header',
  'refcount-table': 'reftable',
  'refcount-block': 'refblock',
  l1: 'l1',
  l2: 'l2',
  data: 'data',
  cow: 'cowcopy',
  'snapshot-table': 'snaptable',
};

export function resultOf(
  run: Pick<OpsResult, 'script' | 'stage' | 'policy' | 'mode' | 'image_bytes' | 'image_sha1'>,
  counts: AllCounts,
): OpsResult {
  const { [OPEN]: open, [CLOSE]: _, other: _other, ...byOp } = counts.byRequest;
  return {
    script: run.script,
    stage: run.stage,
    ...(run.policy !== undefined && { policy: run.policy }),
    mode: run.mode,
    fsyncs: counts.fsyncs,
    odsync_writes: counts.odsyncWrites,
    writes: counts.writes,
    write_bytes: counts.writeBytes,
    reads: counts.reads - (open?.reads ?? 0),
    read_bytes: counts.readBytes - (open?.readBytes ?? 0),
    image_bytes: run.image_bytes,
    image_sha1: run.image_sha1,
    writes_by_role: byRole(counts, 'writes'),
    write_bytes_by_role: byRole(counts, 'writeBytes'),
    by_op: Object.fromEntries(Object.entries(byOp).map(([op, of]) => [op, nonZero(of)])),
  };
}

function byRole(counts: AllCounts, field: 'writes' | 'writeBytes'): Record<string, number> {
  const touched = Object.entries(counts.byKind).filter(([, of]) => of[field] > 0);
  return Object.fromEntries(touched.map(([kind, of]) => [ROLES[kind as TableKind], of[field]]));
}

function nonZero(of: FileCounts): OpCounts {
  const named = {
    reads: of.reads,
    read_bytes: of.readBytes,
    writes: of.writes,
    write_bytes: of.writeBytes,
    odsync_writes: of.odsyncWrites,
    fsyncs: of.fsyncs,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value > 0));
}

const COLUMNS = ['fsyncs', 'odsync_writes', 'writes', 'write_bytes', 'reads', 'read_bytes'] as const;

/** What the script ran under, for people. */
function subjectOf({ policy, stage }: Pick<OpsResult, 'policy' | 'stage'>): string {
  if (policy === undefined) return `stage ${stage}`;
  return stage === null ? `policy ${policy}` : `policy ${policy} (stage ${stage})`;
}

/** The result as lines for people: a row an op, and the totals (which hold the close too). */
export function resultTable(result: OpsResult, width: number): string[] {
  const row = (name: string, of: OpCounts) => [name, ...COLUMNS.map((column) => String(of[column] ?? 0))];
  return [
    `${result.script}, ${subjectOf(result)}, host cache mode ${result.mode}`,
    '',
    ...textTable(
      ['op', ...COLUMNS],
      [...Object.entries(result.by_op).map(([op, of]) => row(op, of)), row('all, with close', result)],
      width,
    ),
    '',
    ...textTable(
      ['written to', 'writes', 'bytes'],
      Object.entries(result.writes_by_role).map(([role, writes]) => [
        role,
        String(writes),
        String(result.write_bytes_by_role[role]),
      ]),
      width,
    ),
    '',
    `image: ${result.image_bytes} bytes, sha1 ${result.image_sha1}`,
  ];
}
