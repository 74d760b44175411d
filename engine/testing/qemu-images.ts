/**
 * Small images made by the real qemu-img and qemu-io, each in a folder of its own that is removed again, and their verdicts.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export class QemuFolder {
  readonly path: string;

  constructor() {
    // In memory where the platform has such a place: verdicts do not depend on a disk, only the time they take.
    const root = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
    this.path = fs.mkdtempSync(path.join(root, 'cowbench-'));
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.path, { recursive: true });
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  write(name: string, bytes: Uint8Array): string {
    fs.writeFileSync(this.file(name), bytes);
    return this.file(name);
  }

  read(name: string): Uint8Array {
    return Uint8Array.from(fs.readFileSync(this.file(name)));
  }

  /** Runs qemu-img in the folder; throws when it fails. */
  img(...args: string[]): string {
    return execFileSync('qemu-img', args, { cwd: this.path, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs qemu-io commands on an image in the folder; `abort` as the last one leaves it as a killed program would. */
  io(name: string, ...commands: string[]): void {
    const args = ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), name];
    const run = spawnSync('qemu-io', args, { cwd: this.path, encoding: 'utf8' });
    const isMeantToAbort = commands.at(-1) === 'abort';
    if (run.status !== 0 && !isMeantToAbort) throw new Error(`qemu-io ${args.join(' ')}: ${run.stdout}${run.stderr}`);
  }

  /** What `qemu-img check` says; `json` is null when it cannot even open the image. */
  check(name: string): QemuVerdict {
    const args = ['check', '--output=json', '-f', 'qcow2', name];
    const run = spawnSync('qemu-img', args, { cwd: this.path, encoding: 'utf8', timeout: 20_000 });
    let json: Record<string, number> | null = null;
    try {
      json = JSON.parse(run.stdout) as Record<string, number>;
    } catch {
      // Without an image there is no report, only a message and the exit code.
    }
    return { exitCode: run.status ?? -1, json, text: run.stderr };
  }

  /** The bytes that a guest sees, of the active disk or of a snapshot. */
  guestBytes(name: string, snapshot?: string): Uint8Array {
    const raw = this.file('guest.raw');
    const from = snapshot === undefined ? [] : ['-l', `snapshot.name=${snapshot}`];
    this.img('convert', '-f', 'qcow2', ...from, '-O', 'raw', name, raw);
    const bytes = Uint8Array.from(fs.readFileSync(raw));
    fs.rmSync(raw);
    return bytes;
  }
}

export interface QemuVerdict {
  /** 0 clean, 1 could not check, 2 corrupt, 3 leaks; anything else is a crash of the tool. */
  readonly exitCode: number;
  readonly json: Record<string, number> | null;
  readonly text: string;
}
