/** FIXTURE: made-up address × time pictures and one made-up request step by step, for tests of the pages. */
import type { Cell, FileMap } from '../../results/record.ts';
import type { Random } from './fixture-histogram.ts';

type Cascade = Cell['cascades'][number];

const COLUMNS = 200;
const ROWS = 80;

/** Mostly ascending writes with some rewrites below, tables now and then, syncs in every column or in few. */
export function fixtureFileMap(
  random: Random,
  fileBytes: number,
  durationNs: number,
  syncs: number,
  tablesOften: boolean,
): FileMap {
  const cells: FileMap['cells'] = [];
  for (let column = 0; column < COLUMNS; column += 1) {
    const front = Math.floor((column / COLUMNS) * (ROWS - 2)) + 1;
    for (let row = Math.max(0, front - 2); row <= front; row += 1)
      cells.push([column, row, 'data', Math.floor(random() * 8e6) + 65_536]);
    if (random() < 0.6) cells.push([column, Math.floor(random() * front), 'data', Math.floor(random() * 4e5) + 4096]);
    if (random() < 0.5) cells.push([column, front, 'cow', Math.floor(random() * 9e5) + 4096]);
    if (tablesOften || random() < 0.06) {
      cells.push([column, Math.floor(front / 9) * 9, 'l2', 65_536 * Math.ceil(random() * 9)]);
      cells.push([column, 0, 'refcount-block', 65_536 * Math.ceil(random() * 9)]);
    }
  }
  cells.push([0, 0, 'header', 512], [0, 0, 'l1', 1024]);
  return { columns: COLUMNS, rows: ROWS, fileBytes, durationNs, cells, syncs: spread(syncs, durationNs) };
}

function spread(syncs: number, durationNs: number): FileMap['syncs'] {
  const filled: FileMap['syncs'] = [];
  for (let column = 0; column < COLUMNS; column += 1) {
    const count = Math.floor(((column + 1) * syncs) / COLUMNS) - Math.floor((column * syncs) / COLUMNS);
    if (count > 0) filled.push([column, count, Math.round((durationNs / COLUMNS) * 0.8)]);
  }
  return filled;
}

const STEPS: Readonly<Record<string, readonly (readonly [Cascade['events'][number]['op'], string, number])[]>> = {
  legacy: [
    ['write', 'refcount-block', 12e3],
    ['write', 'data', 31e3],
    ['write', 'cow', 22e3],
    ['sync', 'data-before-mapping', 3.3e6],
    ['write', 'l2', 14e3],
  ],
  writethrough: [
    ['write', 'refcount-block', 1.7e6],
    ['write', 'data', 1.6e6],
    ['sync', 'dependency', 90e3],
    ['write', 'l2', 1.8e6],
  ],
  writeback: [
    ['write', 'refcount-block', 19e3],
    ['sync', 'dependency', 21e6],
    ['write', 'l2', 35e3],
    ['write', 'l2', 33e3],
    ['sync', 'cache-flush', 4.1e6],
    ['sync', 'cache-flush', 0.9e6],
    ['sync', 'close', 0.8e6],
  ],
};

export function fixtureCascade(policy: string): Cascade {
  let startNs = 4000;
  const events = (STEPS[policy] ?? []).map(([op, what, durationNs], index) => {
    const event = {
      startNs,
      durationNs,
      op,
      what,
      offset: op === 'sync' ? 0 : (index + 3) * 65_536,
      lengthBytes: op === 'sync' ? 0 : 65_536,
    };
    startNs += durationNs + 3000;
    return event;
  });
  const op = policy === 'writeback' ? 'close' : 'write';
  return {
    title: 'the request with the most syncs',
    request: { index: 4711, op, offset: 1_073_741_824, lengthBytes: 4096 },
    durationNs: startNs,
    events,
  };
}
