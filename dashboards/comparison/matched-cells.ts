/**
 * Two sets of runs side by side: cells of the same workload, policy, image and device are matched, and their exact counts
 * compared to the digit. Times of separate runs are never compared (see `results/comparison.ts` for those of one run).
 */
import { timedRounds } from '../../results/cell-results.ts';
import { compareExact, type ExactComparison } from '../../results/comparison-exact.ts';
import type { Cell, ExactCounters, RunRecord } from '../../results/record.ts';
import { contentText, workloadAttributes, workloadIdentity } from '../../results/workload-identity.ts';
import { workloadParts } from '../../results/workload-parts.ts';
import { cellAttributes, median, timesMeaningless } from '../reading/cells.ts';
import { workloadLabel } from '../reading/workload-label.ts';

export interface SideCell {
  readonly cell: Cell;
  readonly exact: ExactCounters;
  readonly record: RunRecord;
}

export interface MatchedCell {
  /** Equal for cells that belong together, in whatever run. */
  readonly key: string;
  readonly workload: string;
  readonly label: string;
  readonly baseline: readonly SideCell[];
  readonly candidate: readonly SideCell[];
  readonly exact: ExactComparison;
}

export interface Matching {
  readonly matched: readonly MatchedCell[];
  /** Cells that one side lacks, in words. */
  readonly onlyBaseline: readonly string[];
  readonly onlyCandidate: readonly string[];
  /** Inputs that have one name and another content on each side, in words. */
  readonly changedInputs: readonly string[];
}

/** Parameters that name the commit: what the two sides differ in. */
const SOURCE_PARAMETERS = ['revision', 'commit'];

/** The file system under a real image changes no count: machines may differ in it. */
function namesOf({ cell, record }: SideCell): string[] {
  const { policy, image } = cellAttributes(cell);
  return [...workloadAttributes(record.workload), ...policy, ...image]
    .filter(([name]) => !SOURCE_PARAMETERS.includes(name) && (name !== 'device' || cell.device.kind === 'model'))
    .map(([name, value]) => `${name} ${value}`);
}

function keyOf(side: SideCell): string {
  return JSON.stringify([workloadIdentity(side.record.workload), side.cell.policy.name, namesOf(side)]);
}

function cellsOf(records: readonly RunRecord[]): SideCell[] {
  return records
    .flatMap(workloadParts)
    .flatMap((record) =>
      record.cells.flatMap((cell) => (cell.exact === null ? [] : [{ cell, exact: cell.exact, record }])),
    );
}

/** The policy's name and what tells it from namesakes under the same workload. */
function labelOf(side: SideCell, all: readonly SideCell[]): string {
  const namesakes = all.filter(
    ({ cell, record }) =>
      cell.policy.name === side.cell.policy.name && workloadLabel(record) === workloadLabel(side.record),
  );
  const words = namesOf(side).filter((word) => namesakes.some((other) => !namesOf(other).includes(word)));
  return [side.cell.policy.name, ...words].join(', ');
}

export function matchCells(baselineRuns: readonly RunRecord[], candidateRuns: readonly RunRecord[]): Matching {
  const [baseline, candidate] = [baselineRuns.flatMap(workloadParts), candidateRuns.flatMap(workloadParts)];
  const [before, after] = [cellsOf(baseline), cellsOf(candidate)];
  const all = [...before, ...after];
  const [byKeyBefore, byKeyAfter] = [Map.groupBy(before, keyOf), Map.groupBy(after, keyOf)];
  const name = (sides: readonly SideCell[]) =>
    sides[0] === undefined ? '' : `${labelOf(sides[0], all)} on ${workloadLabel(sides[0].record)}`;
  const only = (these: Map<string, SideCell[]>, those: Map<string, SideCell[]>) =>
    [...these].filter(([key]) => !those.has(key)).map(([, sides]) => name(sides));
  const matched = [...byKeyBefore].flatMap(([key, sides]): MatchedCell[] => {
    const others = byKeyAfter.get(key);
    const [first] = sides;
    if (others === undefined || first === undefined) return [];
    const exact = compareExact(
      sides.map((side) => side.exact),
      others.map((side) => side.exact),
    );
    return [
      {
        ...{ key, workload: workloadLabel(first.record), label: labelOf(first, all) },
        ...{ baseline: sides, candidate: others, exact },
      },
    ];
  });
  return {
    matched,
    onlyBaseline: only(byKeyBefore, byKeyAfter),
    onlyCandidate: only(byKeyAfter, byKeyBefore),
    changedInputs: changedInputs(baseline, candidate),
  };
}

function changedInputs(baseline: readonly RunRecord[], candidate: readonly RunRecord[]): string[] {
  const contentsOf = (records: readonly RunRecord[], name: string) =>
    new Set(records.filter(({ workload }) => workload.name === name).map(({ workload }) => contentText(workload)));
  const named = [...new Set(candidate.map(({ workload }) => workload))].filter(({ inputs }) => inputs !== undefined);
  return [...new Set(named.map(({ name }) => name))].flatMap((name) => {
    const [before, after] = [contentsOf(baseline, name), contentsOf(candidate, name)];
    if (before.size === 0 || [...before].some((content) => after.has(content))) return [];
    return [
      `${name} is not the same file on both sides: its content was ${[...before].join(', ')} and is ${[...after].join(', ')}.`,
    ];
  });
}

/** The median wall time of all rounds of a side in nanoseconds; null where the times say nothing about a disk. */
export function sideWallNs(sides: readonly SideCell[]): number | null {
  const walls = sides.flatMap(({ record, cell }) =>
    timesMeaningless(record, cell) === null ? timedRounds(cell).map(({ wallNs }) => wallNs) : [],
  );
  return walls.length === 0 ? null : median(walls);
}

/** Cells of earlier runs by the key of the matched cells that they belong to, the oldest run first. */
export function cellsByKey(records: readonly RunRecord[]): ReadonlyMap<string, readonly SideCell[]> {
  const ordered = records.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
  return Map.groupBy(cellsOf(ordered), keyOf);
}
