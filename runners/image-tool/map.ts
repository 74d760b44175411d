/** `cowbench image map`: where each stretch of the disk lies, along the chain of images. */

import { RawDisk, roundUp, SECTOR_BYTES } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { chainNames, openDisk } from './disks.ts';
import { type Extent, extents, type MappableDisk } from './extents.ts';
import { printable } from './printable.ts';
import { parseSize } from './sizes.ts';
import { ACCESS, FORMAT, type Given, OUTPUT, SHARE, type Subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

export const map: Subcommand = {
  name: 'map',
  words: '<file>',
  summary: 'show where each extent of the disk is stored',
  options: {
    ...FORMAT,
    ...OUTPUT,
    'start-offset': { ...value('SIZE'), alias: 's', describe: 'guest offset to start at', default: '0' },
    'max-length': { ...value('SIZE'), alias: 'l', describe: 'number of bytes to show [default: the rest]' },
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    ['map disk.qcow2', 'extents with data'],
    ['map --output=json disk.qcow2', 'all extents, including zeros and holes'],
    ['map --start-offset=1M --max-length=64k disk.qcow2', 'part of the disk'],
    ['map --allow-backing overlay.qcow2', 'including its backing files'],
  ],
  run(given) {
    const file = given.required('file');
    const opened = openDisk(file, { access: given.access(), format: given.format() });
    try {
      const disk = opened instanceof RawDisk ? wholeSectors(opened) : opened;
      const { from, to } = rangeOf(given, disk.sizeBytes);
      const found = extents(disk, from, to);
      if (given.wantsJson()) printJson(given.terminal, found);
      else printTable(given.terminal, found, chainNames(file, disk));
    } finally {
      opened.close();
    }
  },
};

/** A guest sees whole sectors: what the last one has past the end of the file is zeros. */
function wholeSectors(disk: RawDisk): MappableDisk {
  return {
    fileName: disk.fileName,
    sizeBytes: roundUp(disk.sizeBytes, SECTOR_BYTES),
    read: (offset, into) => disk.read(offset, into),
    map(offset, lengthBytes) {
      const present = Math.min(lengthBytes, disk.sizeBytes - offset);
      return present > 0 ? disk.map(offset, present) : { offset, lengthBytes, stored: 'zero', hostOffset: offset };
    },
  };
}

function rangeOf(given: Given, sizeBytes: number): { from: number; to: number } {
  const from = parseSize('--start-offset', given.required('start-offset'));
  const length = given.text('max-length');
  if (from > sizeBytes) throw new UsageError(`--start-offset ${from}: the disk has ${sizeBytes} bytes`);
  return { from, to: length === undefined ? sizeBytes : Math.min(sizeBytes, from + parseSize('--max-length', length)) };
}

/** One object a line: a map can have millions. */
function printJson(terminal: Terminal, found: Iterable<Extent>): void {
  let isFirst = true;
  for (const extent of found) {
    terminal.write(`${isFirst ? '[' : ',\n'}${spaced(jsonOf(extent))}`);
    isFirst = false;
  }
  terminal.write(isFirst ? '[]\n' : ']\n');
}

/** As qemu-img writes it, for readers that go by the text. */
function spaced(object: Record<string, number | boolean>): string {
  return `{ ${Object.entries(object)
    .map(([name, value]) => `"${name}": ${value}`)
    .join(', ')}}`;
}

function jsonOf({ offset, lengthBytes, depth, stored, hostOffset, isHole }: Extent): Record<string, number | boolean> {
  const isData = stored === 'data' || stored === 'compressed';
  return {
    start: offset,
    length: lengthBytes,
    depth,
    present: stored !== 'absent',
    zero: !isData || isHole === true,
    data: isData,
    compressed: stored === 'compressed',
    ...(hostOffset === null ? {} : { offset: hostOffset }),
  };
}

function printTable(terminal: Terminal, found: Iterable<Extent>, names: ReadonlyMap<string, string>): void {
  const line = (cells: readonly string[], file: string) =>
    terminal.write(`${cells.map((cell) => cell.padEnd(16)).join('')}${file}\n`);
  const hex = (value: number) => (value === 0 ? '0' : `0x${value.toString(16)}`);
  line(['Offset', 'Length', 'Mapped to'], 'File');
  for (const { offset, lengthBytes, stored, hostOffset, fileName, isHole } of found) {
    const place = stored === 'compressed' ? 'compressed' : hex(hostOffset ?? 0);
    if (!isHole && (stored === 'data' || stored === 'compressed'))
      line([hex(offset), hex(lengthBytes), place], printable(names.get(fileName) ?? fileName));
  }
}
