/** For tests: guest requests with data, and a folder to work in. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { QemuRequest } from '../commands.ts';
import type { RequestWithData } from '../session.ts';

const NOTHING = new Uint8Array(0);

/** A request whose data, if it writes, is `byte` over and over. */
export function plain(request: QemuRequest, byte = 0): RequestWithData {
  return { request, bytes: 'length' in request ? new Uint8Array(request.length).fill(byte) : NOTHING };
}

export function write(offset: number, length: number, byte: number): RequestWithData {
  return plain({ op: 'write', offset, length }, byte);
}

export const FLUSH = plain({ op: 'flush' });

/** Runs `work` in a folder that is gone afterwards; its name has what qemu-io and strace treat specially. */
export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  const odd = path.join(folder, 'an ödd, <name>');
  fs.mkdirSync(odd);
  try {
    await work(odd);
    const left = fs.readdirSync(odd).filter((name) => name.includes('.qemu-'));
    if (left.length > 0) throw new Error(`a session left ${left} behind`);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** A new image made by qemu-img. */
export function makeImage(folder: string, size: string, clusterSizeBytes: number): string {
  const image = path.join(folder, 'disk.qcow2');
  const words = ['create', '-q', '-f', 'qcow2', '-o', `cluster_size=${clusterSizeBytes}`];
  execFileSync('qemu-img', [...words, path.basename(image), size], { cwd: folder });
  return image;
}
