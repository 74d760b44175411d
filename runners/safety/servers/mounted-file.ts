/** A served disk, shown as a file of fixed size by nbdfuse, which passes each write and each sync of the file on. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { UsageError } from '../../console/errors.ts';

const PATIENCE_MS = 10_000;

export class MountedFile {
  readonly path: string;
  readonly #mountpoint: string;
  readonly #bridge: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(mountpoint: string, socketPath: string) {
    fs.mkdirSync(mountpoint);
    this.#mountpoint = mountpoint;
    this.path = path.join(mountpoint, 'disk');
    const uri = `nbd+unix:///?socket=${encodeURIComponent(socketPath)}`;
    this.#bridge = spawn('nbdfuse', [this.path, uri], { stdio: 'ignore' });
    this.#ended = new Promise((resolve) => {
      this.#bridge.on('error', () => resolve());
      this.#bridge.on('exit', () => resolve());
    });
  }

  /** @throws UsageError when nbdfuse is not there or cannot mount. */
  static async mount(mountpoint: string, socketPath: string): Promise<MountedFile> {
    const mounted = new MountedFile(mountpoint, socketPath);
    const untilMs = performance.now() + PATIENCE_MS;
    while (!fs.existsSync(mounted.path) && performance.now() < untilMs && mounted.#bridge.exitCode === null)
      await wait(5);
    if (fs.existsSync(mounted.path)) return mounted;
    await mounted.unmount();
    throw new UsageError(
      '--engine nbd: nbdfuse cannot show the image as a file: is it installed, and is there /dev/fuse?',
    );
  }

  async unmount(): Promise<void> {
    spawnSync('fusermount3', ['-u', this.#mountpoint], { stdio: 'ignore' });
    if (this.#bridge.exitCode === null) this.#bridge.kill('SIGTERM');
    await this.#ended;
  }
}
