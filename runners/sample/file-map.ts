/**
 * The picture "where and when was the file written": bytes by time column, file row and table kind, binned while the
 * run goes, because neither its length nor the file's size is known before.
 *
 * Invariants:
 *  1. Memory is fixed: when an event lies past the last column or row, neighbours are merged and the step doubles.
 *  2. No byte is lost: the cells of a kind add up to the bytes written of that kind.
 */
import type { FileMap } from '../../results/record.ts';

/** Fine enough for a chart across a page, coarse enough for a record of a few hundred kilobytes. */
const COLUMNS = 192;
const ROWS = 80;
const FIRST_COLUMN_NS = 1e6;
const FIRST_ROW_BYTES = 65_536;

export class FileMapBuilder {
  #columnNs = FIRST_COLUMN_NS;
  #rowBytes = FIRST_ROW_BYTES;
  /** Kind → bytes by column and row, row-major inside a column. */
  readonly #written = new Map<string, Float64Array>();
  readonly #syncs = new Float64Array(COLUMNS);
  readonly #syncNs = new Float64Array(COLUMNS);

  /** `atNs` counts from the start of the run; the bytes of a write over several rows are shared out exactly. */
  write(kind: string, offset: number, lengthBytes: number, atNs: number): void {
    const column = this.#columnOf(atNs);
    while (offset + lengthBytes > this.#rowBytes * ROWS) this.#doubleRows();
    let cells = this.#written.get(kind);
    if (cells === undefined) this.#written.set(kind, (cells = new Float64Array(COLUMNS * ROWS)));
    const end = offset + lengthBytes;
    for (let at = offset; at < end; ) {
      const row = Math.floor(at / this.#rowBytes);
      const next = Math.min(end, (row + 1) * this.#rowBytes);
      cells[column * ROWS + row]! += next - at;
      at = next;
    }
  }

  sync(atNs: number, durationNs: number): void {
    const column = this.#columnOf(atNs);
    this.#syncs[column]! += 1;
    this.#syncNs[column]! += durationNs;
  }

  /** The picture of a run of `durationNs` that ended with a file of `fileBytes`. */
  build(durationNs: number, fileBytes: number): FileMap {
    const columns = Math.min(COLUMNS, Math.max(1, Math.ceil(durationNs / this.#columnNs)));
    const rows = Math.min(ROWS, Math.max(1, Math.ceil(fileBytes / this.#rowBytes)));
    return {
      columns,
      rows,
      // The picture's edges are those of its last column and row, not of the last event.
      durationNs: columns * this.#columnNs,
      fileBytes: rows * this.#rowBytes,
      cells: this.#cells(),
      syncs: [...this.#syncs.keys()]
        .filter((column) => this.#syncs[column]! > 0)
        .map((column) => [column, this.#syncs[column]!, Math.round(this.#syncNs[column]!)]),
    };
  }

  #cells(): FileMap['cells'] {
    const cells: FileMap['cells'] = [];
    for (const [kind, bytes] of this.#written) {
      bytes.forEach((count, index) => {
        if (count > 0) cells.push([Math.floor(index / ROWS), index % ROWS, kind, count]);
      });
    }
    return cells;
  }

  #columnOf(atNs: number): number {
    while (atNs >= this.#columnNs * COLUMNS) this.#doubleColumns();
    return Math.floor(Math.max(0, atNs) / this.#columnNs);
  }

  #doubleColumns(): void {
    this.#columnNs *= 2;
    for (const cells of this.#written.values()) mergePairs(cells, ROWS, COLUMNS, 0);
    mergePairs(this.#syncs, 1, COLUMNS, 0);
    mergePairs(this.#syncNs, 1, COLUMNS, 0);
  }

  #doubleRows(): void {
    this.#rowBytes *= 2;
    for (const cells of this.#written.values()) {
      for (let column = 0; column < COLUMNS; column++) mergePairs(cells, 1, ROWS, column * ROWS);
    }
  }
}

/** Merges groups 2i and 2i+1 of `width` numbers into group i, for `groups` groups from index `start`; the rest becomes 0. */
function mergePairs(values: Float64Array, width: number, groups: number, start: number): void {
  for (let group = 0; group < groups / 2; group++) {
    for (let index = 0; index < width; index++) {
      const left = start + 2 * group * width + index;
      values[start + group * width + index] = values[left]! + values[left + width]!;
    }
  }
  values.fill(0, start + (groups / 2) * width, start + groups * width);
}
