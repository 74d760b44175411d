/** Sizes as people write and read them: powers of 1024 with one letter. */
import { rounded, roundUp, SECTOR_BYTES } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';

const UNITS = ['', 'k', 'm', 'g', 't', 'p', 'e'];
const HEX_SIZE = /^0x[0-9a-f]{1,16}$/i;
const SIZE = /^(\d{1,19}(?:\.\d{1,12})?)([bkmgtpe]?)$/i;

/** Bytes of `10G`, `512k`, `1.5M`, a plain number or a hexadecimal one. `what` names the option or word in the error. */
export function parseSize(what: string, text: string): number {
  const [, digits, letter] = SIZE.exec(text) ?? [];
  const unit = letter?.toLowerCase().replace('b', '') ?? '';
  const bytes = HEX_SIZE.test(text) ? Number(text) : Number(digits ?? Number.NaN) * 1024 ** UNITS.indexOf(unit);
  const hasUselessFraction = unit === '' && digits?.includes('.');
  if (hasUselessFraction || Number.isNaN(bytes)) {
    throw new UsageError(`${what} "${text}": expected a size in bytes, or with a suffix k, M, G, T, P or E`);
  }
  if (!Number.isSafeInteger(Math.round(bytes))) throw new UsageError(`${what} "${text}": more than 8 PiB`);
  return Math.round(bytes);
}

/** The size of a disk: whole sectors of 512 bytes, rounded up. */
export function parseDiskSize(what: string, text: string): number {
  return roundUp(parseSize(what, text), SECTOR_BYTES);
}

/** A size for `resize`: absolute, or relative to `presentBytes` with a leading + or -. */
export function parseNewSize(what: string, text: string, presentBytes: number): number {
  const sign = text[0] === '+' ? 1 : text[0] === '-' ? -1 : 0;
  const bytes = parseSize(what, sign === 0 ? text : text.slice(1));
  const size = sign === 0 ? bytes : presentBytes + sign * bytes;
  if (size < 0) throw new UsageError(`${what} "${text}": the disk has only ${presentBytes} bytes`);
  return size;
}

/** Three significant digits and a binary unit: `1.5 GiB`, `512 B`. */
export function readableSize(bytes: number): string {
  const prefixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
  let power = 0;
  // From 1000 on the next unit: three digits could not show it.
  while (bytes / 1024 ** power >= 1000 && power < prefixes.length - 1) power++;
  const value = bytes / 1024 ** power;
  return `${rounded(value, value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0)} ${prefixes[power]}B`;
}
