/**
 * Rows of zeros and ones in which any three columns show all eight patterns: what goes wrong whenever at most three sectors hold
 * certain contents is sure to be met. There are 2^(k+1) rows for up to 2^k columns.
 *
 * Column c is the linear form (1, c) over the field of two elements. Of such forms any three are linearly independent: two
 * different ones do not add up to zero, and the leading ones of three add up to one. So over all rows their values are uniform.
 */

/** Yields each row as a function of the column, below `columns`. */
export function* coveringRows(columns: number): Generator<(column: number) => number> {
  let span = 1;
  while (span < columns) span *= 2;
  for (const first of [0, 1]) {
    for (let row = 0; row < span; row++) yield (column) => first ^ parityOf(row & column);
  }
}

function parityOf(bits: number): number {
  let parity = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) parity ^= 1;
  return parity;
}
