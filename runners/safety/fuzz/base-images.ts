/**
 * The good images that a fuzzer damages: every feature of the format, small. Made by this engine, always the same bytes; and by
 * the real qemu-img where it is installed, which writes some structures that this engine does not.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { type CreateOptions, createImage, KiB, MemoryFile, openImage, type Qcow2Image } from '../../../engine/index.ts';

export interface BaseImage {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Recipe {
  readonly name: string;
  readonly create: CreateOptions;
  /** Left without a close, so that the dirty bit stays. */
  readonly leftOpen?: boolean;
}

const MADE_HERE: readonly Recipe[] = [
  { name: 'version 3, 512-byte clusters', create: { sizeBytes: 96 * KiB, clusterSizeBytes: 512 } },
  { name: 'version 2, 512-byte clusters', create: { sizeBytes: 96 * KiB, clusterSizeBytes: 512, version: 2 } },
  { name: 'version 3, 4 KiB clusters', create: { sizeBytes: 3000 * KiB, clusterSizeBytes: 4096 } },
  { name: 'version 2, 4 KiB clusters', create: { sizeBytes: 3000 * KiB, clusterSizeBytes: 4096, version: 2 } },
  { name: 'version 3, 64 KiB clusters', create: { sizeBytes: 2048 * KiB } },
  { name: 'extended L2', create: { sizeBytes: 1024 * KiB, clusterSizeBytes: 16 * KiB, extendedL2: true } },
  { name: 'zstd', create: { sizeBytes: 512 * KiB, clusterSizeBytes: 4096, compressionType: 'zstd' } },
  { name: '1-bit refcounts', create: { sizeBytes: 96 * KiB, clusterSizeBytes: 512, refcountBits: 1 } },
  { name: '4-bit refcounts', create: { sizeBytes: 96 * KiB, clusterSizeBytes: 1024, refcountBits: 4 } },
  { name: '64-bit refcounts', create: { sizeBytes: 96 * KiB, clusterSizeBytes: 512, refcountBits: 64 } },
  {
    name: 'lazy refcounts, dirty',
    create: { sizeBytes: 128 * KiB, clusterSizeBytes: 1024, lazyRefcounts: true },
    leftOpen: true,
  },
  { name: 'data file', create: { sizeBytes: 128 * KiB, clusterSizeBytes: 1024, dataFile: 'data' } },
  {
    name: 'raw data file',
    create: { sizeBytes: 128 * KiB, clusterSizeBytes: 1024, dataFile: 'data', dataFileRaw: true },
  },
  {
    name: 'backing file',
    create: { sizeBytes: 128 * KiB, clusterSizeBytes: 1024, backingFile: 'base.raw', backingFormat: 'raw' },
  },
];

/** The backing disk of the images that have one: smaller than they are. */
export const BACKING_DISK = {
  sizeBytes: 100_000,
  read: (_offset: number, into: Uint8Array): void => void into.fill(0xba),
};

/** Node 20 has no zstd. */
function possible(): readonly Recipe[] {
  if (zlib.zstdCompressSync !== undefined) return MADE_HERE;
  return MADE_HERE.filter(({ create }) => create.compressionType !== 'zstd');
}

/** Images of this engine. */
export function imagesMadeHere(): BaseImage[] {
  return possible().map(({ name, create, leftOpen }) => {
    const file = new MemoryFile(name);
    createImage(file, create);
    const hasDataFile = create.dataFile !== undefined;
    const image = openImage(file, {
      policy: 'writeback',
      ...(hasDataFile ? { dataFile: new MemoryFile('data') } : {}),
      ...(create.backingFile === undefined ? {} : { backing: BACKING_DISK }),
    });
    fill(image, { compresses: !hasDataFile, takesSnapshots: !hasDataFile && create.refcountBits !== 1 });
    if (leftOpen) image.flush();
    else image.close();
    return { name, bytes: file.bytes() };
  });
}

/** Something of every kind: data, zeros with and without a place, a hole, compressed clusters, two snapshots, VM state. */
function fill(image: Qcow2Image, can: { compresses: boolean; takesSnapshots: boolean }): void {
  const { clusterSizeBytes: cluster } = image;
  const data = (clusters: number, value: number) => new Uint8Array(clusters * cluster).fill(value);
  image.write(0, data(6, 1));
  image.write(20 * cluster + 512, data(1, 2).subarray(0, 512));
  if (can.compresses) for (const index of [8, 9, 12]) image.writeCompressed(index * cluster, data(1, index));
  if (can.takesSnapshots) image.createSnapshot({ name: 'first', dateSeconds: 1_300_000_000 });
  image.write(cluster, data(2, 3));
  image.writeZeroes(3 * cluster, cluster);
  image.writeZeroes(4 * cluster, cluster, { mayUnmap: true });
  if (can.takesSnapshots) {
    image.writeVmState(0, data(1, 4).subarray(0, 512));
    image.createSnapshot({ name: 'second', dateSeconds: 1_300_000_001, vmStateBytes: 512 });
    image.write(8 * cluster, data(1, 5));
  }
  image.discard(2 * cluster, cluster);
}

type CommandLine = readonly [tool: 'qemu-img' | 'qemu-io', ...args: string[]];

const io = (...commands: string[]): CommandLine => [
  'qemu-io',
  ...['-f', 'qcow2', 'image', ...commands.flatMap((command) => ['-c', command])],
];
const snapshot: CommandLine = ['qemu-img', 'snapshot', '-c', 'first', 'image'];
const create = (size: string, options: string): CommandLine => [
  'qemu-img',
  ...['create', '-q', '-f', 'qcow2', '-o', options, 'image', size],
];

const MADE_BY_QEMU: Readonly<Record<string, readonly CommandLine[]>> = {
  'qemu-img, with a bitmap': [
    create('1M', 'cluster_size=4k'),
    io('write -P 1 0 8k', 'write -z 16k 16k', 'write -c -P 2 32k 16k'),
    ['qemu-img', 'bitmap', '--add', 'image', 'changes'],
    snapshot,
  ],
  'qemu-img, version 2': [
    create('64k', 'cluster_size=512,compat=0.10'),
    io('write -P 1 0 8k', 'write -c -P 2 32k 16k'),
    snapshot,
  ],
  'qemu-img, extended L2, preallocated': [
    create('256k', 'cluster_size=16k,extended_l2=on,preallocation=metadata'),
    io('write -P 1 0 8k', 'write -z 16k 8k'),
  ],
  'qemu-img, 2 MiB clusters': [
    create('16M', 'cluster_size=2M'),
    io('write -P 1 0 8k', 'write -c -P 2 2M 2M'),
    snapshot,
  ],
};

/** Images of the qemu-img that is installed; none where there is none. */
export function imagesMadeByQemu(): BaseImage[] {
  if (spawnSync('qemu-img', ['--version']).status !== 0) return [];
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    return Object.entries(MADE_BY_QEMU).map(([name, commands]) => {
      for (const [tool, ...args] of commands) {
        const { status, stdout, stderr } = spawnSync(tool, args, { cwd: directory, encoding: 'utf8' });
        if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stdout}${stderr}`);
      }
      return { name, bytes: Uint8Array.from(fs.readFileSync(path.join(directory, 'image'))) };
    });
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}
