/** `cowbench image info`: what an image says about itself. Without `--backing-chain` no file but the image is opened. */
import fs from 'node:fs';
import path from 'node:path';
import {
  type BitmapInfo,
  describeImage,
  fileBeside,
  type ImageDescription,
  roundUp,
  SECTOR_BYTES,
} from '../../engine/index.ts';
import {
  type Access,
  backingOf,
  chainNames,
  filesOf,
  formatOf,
  type ImageFormat,
  openDisk,
  openRegularFile,
} from './disks.ts';
import { printable, printableJson } from './printable.ts';
import { readableSize } from './sizes.ts';
import { snapshotJson, snapshotLines } from './snapshot-table.ts';
import { ACCESS, FORMAT, type Given, OUTPUT, SHARE, type Subcommand } from './subcommand.ts';

export const info: Subcommand = {
  name: 'info',
  words: '<file>',
  summary: 'show the metadata of an image; opens no other file',
  options: {
    ...FORMAT,
    ...OUTPUT,
    'backing-chain': { type: 'boolean', describe: 'also show its backing files; needs --allow-backing' },
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    ['info disk.qcow2', 'size, format, features and snapshots'],
    ['info --output=json disk.qcow2', 'the same as JSON'],
    ['info --backing-chain --allow-backing overlay.qcow2', 'and of every backing file'],
  ],
  run(given) {
    const facts = filesToShow(given).map(({ file, format }) => readFacts(file, format, given.access()));
    if (given.wantsJson())
      given.terminal.print(printableJson(given.flag('backing-chain') ? facts.map(jsonOf) : jsonOf(facts[0]!)));
    else given.terminal.print(facts.map((fact) => linesOf(fact).join('\n')).join('\n\n'));
  },
};

interface Facts {
  readonly file: string;
  /** Of a raw image: what a guest sees of it, whole sectors. */
  readonly rawSizeBytes: number;
  /** What the file takes in the file system. */
  readonly storedBytes: number;
  /** Null for a raw image. */
  readonly image: ImageDescription | null;
}

function filesToShow(given: Given): { file: string; format: ImageFormat }[] {
  const file = given.required('file');
  const format = given.format() ?? formatOf(file);
  if (!given.flag('backing-chain')) return [{ file, format }];
  // Opening the chain as a reader does applies every rule about which names may be followed.
  const disk = openDisk(file, { access: given.access(), format });
  const names = chainNames(file, disk);
  const chain = [{ file, format }];
  for (let below = backingOf(disk); below !== null; below = backingOf(below)) {
    chain.push({ file: names.get(filesOf(below)[0]!)!, format: 'backing' in below ? 'qcow2' : 'raw' });
  }
  disk.close();
  return chain;
}

function readFacts(filePath: string, format: ImageFormat, access: Access): Facts {
  const file = openRegularFile(filePath, format === 'qcow2' ? 'image-read' : 'raw-read', access);
  try {
    const image = format === 'qcow2' ? describeImage(file) : null;
    const { blocks } = fs.statSync(filePath);
    return { file: filePath, rawSizeBytes: roundUp(file.sizeBytes(), SECTOR_BYTES), storedBytes: blocks * 512, image };
  } finally {
    file.close();
  }
}

function jsonOf({ file, rawSizeBytes, storedBytes, image }: Facts): Record<string, unknown> {
  const common = { filename: file, format: image === null ? 'raw' : 'qcow2', 'actual-size': storedBytes };
  if (image === null) return { ...common, 'virtual-size': rawSizeBytes, 'dirty-flag': false };
  const { backingFile, backingFormat, snapshots } = image;
  return {
    ...common,
    'virtual-size': image.sizeBytes,
    'cluster-size': image.clusterSizeBytes,
    'dirty-flag': image.isDirty,
    ...(image.encryption === null ? {} : { encrypted: true }),
    ...(snapshots.length === 0 ? {} : { snapshots: snapshots.map(snapshotJson) }),
    ...(backingFile === null
      ? {}
      : { 'backing-filename': backingFile, 'full-backing-filename': fullName(file, backingFile) }),
    ...(backingFormat === null ? {} : { 'backing-filename-format': backingFormat }),
    'format-specific': { type: 'qcow2', data: specificOf(image) },
  };
}

function specificOf(image: ImageDescription): Record<string, unknown> {
  const compat = { compat: image.version === 2 ? '0.10' : '1.1', 'compression-type': image.compressionType };
  if (image.version === 2) return { ...compat, 'refcount-bits': image.refcountBits };
  return {
    ...compat,
    'lazy-refcounts': image.lazyRefcounts,
    ...(image.bitmaps.length === 0 ? {} : { bitmaps: image.bitmaps.map(bitmapJson) }),
    'refcount-bits': image.refcountBits,
    ...(image.hasDataFile ? { 'data-file': image.dataFile ?? '', 'data-file-raw': image.dataFileRaw } : {}),
    corrupt: image.isCorrupt,
    'extended-l2': image.extendedL2,
  };
}

function linesOf(facts: Facts): string[] {
  const { file, image } = facts;
  const sizeBytes = image?.sizeBytes ?? facts.rawSizeBytes;
  const lines = [
    `image: ${printable(file)}`,
    `file format: ${image === null ? 'raw' : 'qcow2'}`,
    `virtual size: ${readableSize(sizeBytes)} (${sizeBytes} bytes)`,
    `disk size: ${readableSize(facts.storedBytes)}`,
  ];
  if (image === null) return lines;
  if (image.encryption !== null) lines.push('encrypted: yes');
  lines.push(`cluster_size: ${image.clusterSizeBytes}`, ...backingLines(file, image));
  if (image.isDirty) lines.push('cleanly shut down: no');
  if (image.snapshots.length > 0) lines.push('Snapshot list:', ...snapshotLines(image.snapshots));
  return [...lines, 'Format specific information:', ...nestedLines(specificOf(image), 1)];
}

function bitmapJson({ flags, name, granularityBytes }: BitmapInfo): Record<string, unknown> {
  return { flags, name, granularity: granularityBytes };
}

/** A line for each value, and under the name of a list or an object those of what is in it. */
function nestedLines(value: object, depth: number): string[] {
  const indent = '    '.repeat(depth);
  return Object.entries(value).flatMap(([name, member]) => {
    const title = Array.isArray(value) ? `[${name}]` : name.replaceAll('-', ' ');
    if (typeof member !== 'object') return [`${indent}${title}: ${printable(String(member))}`];
    return [`${indent}${title}:`, ...nestedLines(member, depth + 1)];
  });
}

function backingLines(file: string, { backingFile, backingFormat }: ImageDescription): string[] {
  if (backingFile === null) return [];
  const full = fullName(file, backingFile);
  const actual = full === backingFile ? '' : ` (actual path: ${printable(full)})`;
  const format = backingFormat === null ? [] : [`backing file format: ${printable(backingFormat)}`];
  return [`backing file: ${printable(backingFile)}${actual}`, ...format];
}

/** Where a name in an image leads, without a look at the file system; a name with a protocol leads nowhere here. */
function fullName(file: string, name: string): string {
  if (path.isAbsolute(name) || /^[a-z][a-z0-9+.-]*:/i.test(name)) return name;
  return fileBeside(file, name);
}
