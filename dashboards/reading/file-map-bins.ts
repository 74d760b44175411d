/** Makes an address × time picture coarser until it fits a budget, so that a report's weight does not grow with its maps. */
import type { FileMap } from '../../results/record.ts';

/** Entries of all maps of a report together; more would weigh megabytes and show nothing more. */
export const MOST_ENTRIES = 40_000;

function halve(map: FileMap): FileMap {
  const columns = Math.ceil(map.columns / 2);
  const rows = Math.ceil(map.rows / 2);
  const byKind = new Map<string, Map<number, number>>();
  for (const [column, row, kind, bytes] of map.cells) {
    const places = byKind.get(kind) ?? new Map<number, number>();
    byKind.set(kind, places);
    const place = Math.floor(column / 2) * rows + Math.floor(row / 2);
    places.set(place, (places.get(place) ?? 0) + bytes);
  }
  const cells = [...byKind].flatMap(([kind, places]) =>
    [...places].map(([place, bytes]): FileMap['cells'][number] => [
      Math.floor(place / rows),
      place % rows,
      kind,
      bytes,
    ]),
  );
  const syncs = new Map<number, FileMap['syncs'][number]>();
  for (const [column, count, ns] of map.syncs) {
    const at = Math.floor(column / 2);
    const [, before = 0, nsBefore = 0] = syncs.get(at) ?? [];
    syncs.set(at, [at, before + count, nsBefore + ns]);
  }
  // An odd number of bins would stretch the last one beyond the end: keep the scale by growing the span with it.
  return {
    columns,
    rows,
    fileBytes: (map.fileBytes * rows * 2) / map.rows,
    durationNs: (map.durationNs * columns * 2) / map.columns,
    cells,
    syncs: [...syncs.values()],
  };
}

/** `map` with at most `mostEntries` cells (or one single bin); bytes and syncs are added up, none is lost. */
export function coarsen(map: FileMap, mostEntries: number): FileMap {
  let coarse = map;
  while (coarse.cells.length > mostEntries && coarse.columns * coarse.rows > 1) coarse = halve(coarse);
  return coarse;
}
