/**
 * A sweep runs the same policies under several workloads, or on several images or devices. Its cells fall into groups, one for each
 * workload and image, and only cells of one group are compared: a chart shows one group at a time, and the page lets the reader choose.
 */
import type { Cell, RunRecord } from '../../results/record.ts';
import { workloadParts } from '../../results/workload-parts.ts';
import { cellAttributes } from './cells.ts';
import { coarsen, MOST_ENTRIES } from './file-map-bins.ts';
import { coarserInTime, MOST_BINS } from './latency-map-bins.ts';
import { workloadWords } from './workload-words.ts';

export interface ImageGroup {
  /** What this group has in common and others have not, for example `install-burst, cluster 64 KiB`; empty when there is one group only. */
  readonly label: string;
  /** The record with the cells of the group alone, and their workload. */
  readonly record: RunRecord;
}

function identityOf(cell: Cell): string {
  const { engine, policy, hostCacheMode } = cell;
  return JSON.stringify([engine, policy.name, policy.stage, policy.parameters, hostCacheMode]);
}

/** Names of the attributes of image and device that differ between cells of one and the same policy. */
function sweptAttributes(cells: readonly Cell[]): Set<string> {
  const swept = new Set<string>();
  for (const namesakes of Map.groupBy(cells, identityOf).values()) {
    const seen = new Map<string, string>();
    for (const cell of namesakes) {
      for (const [name, value] of cellAttributes(cell).image) {
        if ((seen.get(name) ?? value) !== value) swept.add(name);
        seen.set(name, value);
      }
    }
  }
  return swept;
}

/** Made once for each record: all charts of a page start from them. */
const known = new WeakMap<RunRecord, readonly ImageGroup[]>();

/** The groups in the record's order; one without a label unless at least two policies share an image. */
export function imageGroups(record: RunRecord): readonly ImageGroup[] {
  const made = known.get(record) ?? groupsOf(record);
  known.set(record, made);
  return made;
}

function groupsOf(record: RunRecord): ImageGroup[] {
  const words = workloadWords(record);
  const parts = workloadParts(record);
  return parts.flatMap((part, index) => {
    const images = groupsOfPart(part, record.cells.length);
    if (parts.length === 1) return images;
    return images.map((group) => ({
      label: [words[index]!, group.label].filter((word) => word !== '').join(', '),
      record: group.record,
    }));
  });
}

/** `cells`: of the whole record, which share the room for pictures. */
function groupsOfPart(record: RunRecord, cells: number): ImageGroup[] {
  const swept = sweptAttributes(record.cells);
  const labelOf = (cell: Cell) =>
    cellAttributes(cell)
      .image.filter(([name]) => swept.has(name))
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const groups = Map.groupBy(record.cells, labelOf);
  const isOne = groups.size < 2 || [...groups.values()].every(({ length }) => length < 2);
  if (isOne && cells === record.cells.length) return [{ label: '', record }];
  const lightOf = (cell: Cell): Cell => ({
    ...cell,
    fileMap: cell.fileMap && coarsen(cell.fileMap, MOST_ENTRIES / cells),
    ...(cell.latencyMap && { latencyMap: coarserInTime(cell.latencyMap, MOST_BINS / cells) }),
  });
  const light = ([label, own]: readonly [string, readonly Cell[]]): ImageGroup => ({
    label,
    record: { ...record, cells: own.map(lightOf) },
  });
  return isOne ? [light(['', record.cells])] : [...groups].map(light);
}

/** What the groups of a sweep are: workloads where there are several, else devices where they differ in nothing else, else images. */
export function groupNoun(record: RunRecord): 'workload' | 'device' | 'image' {
  if (record.furtherWorkloads !== undefined) return 'workload';
  return new Set(record.cells.map(({ image, requesters }) => JSON.stringify([image, requesters]))).size > 1
    ? 'image'
    : 'device';
}

export function isSweep(record: RunRecord): boolean {
  return imageGroups(record).length > 1;
}
