/** Makes an address × time picture coarser until it fits a budget, so that a report's weight does not grow with its maps. */
import type { FileMap } from '../../results/record.ts';

function halve(map: FileMap): FileMap {
  const cells = new Map<string, FileMap['cells'][number]>();
  for (const [column, row, kind, bytes] of map.cells) {
    const at = [Math.floor(column / 2), Math.floor(row / 2)] as const;
    const key = `${at[0]} ${at[1]} ${kind}`;
    cells.set(key, [...at, kind, (cells.get(key)?.[3] ?? 0) + bytes]);
  }
  const syncs = new Map<number, FileMap['syncs'][number]>();
  for (const [column, count, ns] of map.syncs) {
    const at = Math.floor(column / 2);
    const [, before = 0, nsBefore = 0] = syncs.get(at) ?? [];
    syncs.set(at, [at, before + count, nsBefore + ns]);
  }
  // An odd number of bins would stretch the last one beyond the end: keep the scale by growing the span with it.
  const columns = Math.ceil(map.columns / 2);
  const rows = Math.ceil(map.rows / 2);
  return {
    columns,
    rows,
    fileBytes: (map.fileBytes * rows * 2) / map.rows,
    durationNs: (map.durationNs * columns * 2) / map.columns,
    cells: [...cells.values()],
    syncs: [...syncs.values()],
  };
}

/** `map` with at most `mostEntries` cells (or one single bin); bytes and syncs are added up, none is lost. */
export function coarsen(map: FileMap, mostEntries: number): FileMap {
  let coarse = map;
  while (coarse.cells.length > mostEntries && coarse.columns * coarse.rows > 1) coarse = halve(coarse);
  return coarse;
}
